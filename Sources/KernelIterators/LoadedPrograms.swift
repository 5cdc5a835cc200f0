import CLibbpf
import Glibc

extension ProgramCache {
  /// Loads programs without libbpf: as they were left by the last load with the same constants, or
  /// by folding the relocated ones with them.
  ///
  /// - Returns: nil if they are not there, or the kernel refuses them: then they are forgotten.
  fileprivate func load(_ key: CacheKey, _ settings: LoadSettings) -> KernelObjects? {
    let foldedKey = key.folded(with: settings.constants)
    if let image = image(for: foldedKey) {
      if let objects = try? ImageLoader(image: image, settings: settings).load() { return objects }
      remove(foldedKey)
    }
    guard let image = image(for: key)?.folded(settings.constants) else { return nil }
    guard let objects = try? ImageLoader(image: image, settings: settings).load() else {
      remove(key)
      return nil
    }
    store(image, for: foldedKey)
    return objects
  }
}

/// A table's programs in the kernel: they can be attached.
public struct LoadedPrograms: ~Copyable {
  private let objects: KernelObjects
  let iterator: String

  /// Loads programs: from the cache, or through libbpf, which fills the cache.
  ///
  /// - Parameters:
  ///   - object: the table's object file.
  ///   - programs: C functions to load; the object's others are left out.
  ///   - constants: bytes of `struct kiter_config`.
  ///   - slots: scratch slots: 1 for one reader, more for a pin with many.
  ///   - memory: for a program that walks by itself.
  ///   - cache: where relocated programs are kept; nil for nowhere.
  /// - Throws: `IteratorError`: `unsupported` if this kernel lacks the iterator or what the program
  ///   needs, `notPermitted` without CAP_BPF and CAP_PERFMON.
  public init(
    _ object: ProgramObject, programs: [String], constants: [UInt8], slots: UInt32,
    memory: DirectMemorySize? = nil, cache: ProgramCache? = .standard
  ) throws(IteratorError) {
    let settings = LoadSettings(constants: constants, slots: slots, memory: memory)
    iterator = object.name
    // The folder is root's, so nobody else needs to look.
    let key = cache != nil && geteuid() == 0 ? CacheKey(object, programs: programs) : nil
    if let cache, let key, let objects = cache.load(key, settings) {
      self.objects = objects
      return
    }
    let loader = LibbpfLoader(object: object, programs: programs, settings: settings)
    objects = try loader.load { image in
      if let cache, let key { cache.store(image, for: key) }
    }
  }

  /// Attaches a program: a link, from which walks are started.
  ///
  /// - Throws: `IteratorError`.
  public borrowing func attach(_ program: String, scope: IteratorScope) throws(IteratorError)
    -> IteratorLink
  {
    guard let number = objects[program] else {
      throw IteratorError(
        iterator: iterator, stage: .attach, cause: .failed, advice: "no program \(program)")
    }
    if case .map(let map) = scope { return try attach(number, toMap: map) }
    let descriptor = scope.attach(number)
    guard descriptor >= 0 else {
      throw IteratorError(
        iterator: iterator, stage: .attach, cause: -descriptor == EPERM ? .notPermitted : .failed,
        code: -descriptor, advice: -descriptor == EPERM ? permissionAdvice() : "")
    }
    return IteratorLink(Descriptor(descriptor), iterator: iterator)
  }

  /// Attaches to the elements of one map.
  private borrowing func attach(_ program: Int32, toMap number: UInt32) throws(IteratorError)
    -> IteratorLink
  {
    guard let map = try KernelMap(number, iterator: iterator) else {
      throw IteratorError(
        iterator: iterator, stage: .attach, cause: .invalid,
        advice: "there is no map \(number); kiter maps lists those that there are")
    }
    let descriptor = kiter_iterator_attach_map(program, map.descriptor.number)
    guard descriptor >= 0 else {
      // The kernel walks some kinds of maps only, and has no other word for the others.
      if -descriptor == EINVAL {
        throw IteratorError(
          iterator: iterator, stage: .attach, cause: .unsupported,
          advice: "map \(number) is of the kind \(map.kind), which this iterator cannot walk")
      }
      throw IteratorError(iterator: iterator, stage: .attach, cause: .failed, code: -descriptor)
    }
    return IteratorLink(Descriptor(descriptor), iterator: iterator)
  }

  /// The descriptor of a program or a map, which stays this object's; nil if there is none.
  borrowing func descriptor(of name: String) -> Int32? { objects[name] }

  /// Calls `report` from another thread when a read takes more than 2 seconds.
  borrowing func watch(
    readers: Int = 1, _ report: @escaping @Sendable (StallPlace) -> Void
  ) -> StallWatch? {
    objects["kiter_slots"].map {
      StallWatch(ProgressProbe(map: $0), readers: readers, report: report)
    }
  }
}
