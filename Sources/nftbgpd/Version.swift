/// The version that `-V` and the export header show.
let version = "0.1.0"
