import Control
import Presentation

/// The whole output of a command for an answer.
func present(
  _ command: Command, json: Bool = false, format: Presenter.RIBFormat = .classic, _ replies: [ControlReply]
) throws -> String {
  var presenter = Presenter(command, json: json, format: format)
  var octets: [UInt8] = []
  for reply in replies {
    try presenter.add(reply)
    // In between, as the program does when enough has gathered.
    octets += presenter.take()
  }
  presenter.finish()
  octets += presenter.take()
  return String(decoding: octets, as: UTF8.self)
}
