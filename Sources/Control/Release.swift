/// The release that both programs are of: what `-V` prints and what an exported file says of its origin.
package enum Release {
  package static let version = "0.1.0"
}
