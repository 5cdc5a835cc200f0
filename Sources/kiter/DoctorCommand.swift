import ArgumentParser

/// `kiter doctor`: what is missing here, and the exact fix.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "What this host lacks for kiter, and how to mend it.")

  func run() throws {}
}
