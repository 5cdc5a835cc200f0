import ArgumentParser
import KernelIterators

/// A wrong argument of a command that speaks of pins.
struct PinUsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Runs a command's body; an error is said on a line, and becomes an exit code.
func reportingErrors(verbose: Bool = false, _ body: () throws -> Void) throws {
  do { try body() } catch let code as ExitCode { throw code } catch {
    if verbose, let error = error as? IteratorError, !error.log.isEmpty { report(error.log) }
    report("\(error)")
    throw error is PinUsageError ? ExitStatus.usage : ExitStatus.code(for: error)
  }
}
