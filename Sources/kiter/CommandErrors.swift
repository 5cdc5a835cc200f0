import ArgumentParser
import Glibc
import KernelIterators
import RecordSnapshot

/// Has standard output's reader gone? There is nothing more to do, and no error.
func isClosedPipe(_ error: any Error) -> Bool {
  switch error {
  case let error as OutputError: error.code == EPIPE
  case let error as SnapshotError: error.code == EPIPE
  default: false
  }
}

/// Runs a command's body; an error is said on a line, and becomes an exit code.
func reportingErrors(verbose: Bool = false, _ body: () throws -> Void) throws {
  do { try body() } catch let code as ExitCode { throw code } catch {
    if isClosedPipe(error) { return }
    if verbose, let error = error as? IteratorError, !error.log.isEmpty { report(error.log) }
    report("\(error)")
    throw error is PinUsageError ? ExitStatus.usage : ExitStatus.code(for: error)
  }
}
