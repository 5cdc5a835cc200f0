import CLibbpf

/// The version of libbpf that is linked, such as 1.5.
public var libbpfVersion: String {
  String(String(cString: libbpf_version_string()).drop { $0 == "v" })
}
