@testable import RecordSchema
import Testing

/// Paths as the runtimes make them, from their sources and from what tools that read them collected.
@Suite struct ContainerTests {
  private static let id = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
  private static let outer = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
  private static let uid = "82f40de6-1226-4577-ab35-2f378b9f5e49"
  private static let sliceUID = "82f40de6_1226_4577_ab35_2f378b9f5e49"

  struct Layout: Sendable {
    var path: String
    var id: String? = ContainerTests.id
    var runtime: String?
    var pod: String?
    var unit: String?
  }

  static let engines = [
    Layout(path: "/docker/\(id)", runtime: "docker"),
    Layout(
      path: "/system.slice/docker-\(id).scope", runtime: "docker", unit: "docker-\(id).scope"),
    Layout(
      path: "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-\(id).scope",
      runtime: "docker", unit: "user@1000.service"),
    Layout(path: "/docker/\(id)/system.slice/ssh.service", runtime: "docker"),
    Layout(path: "/docker/\(id)/init.scope", runtime: "docker"),
    Layout(path: "/docker/buildkit/l3u5x3mzyx5jg", id: "l3u5x3mzyx5jg", runtime: "buildkit"),
    Layout(
      path: "/system.slice/docker.service/buildkit/q2s", id: "q2s", runtime: "buildkit",
      unit: "docker.service"),
    Layout(path: "/actions_job/\(id)"),
    Layout(path: "/\(id)"),
    Layout(path: "/default/\(id)", runtime: "containerd"),
    Layout(
      path: "/system.slice/nerdctl-\(id).scope", runtime: "containerd",
      unit: "nerdctl-\(id).scope"),
    Layout(path: "/ecs/1f2e3d4c5b6a79881f2e3d4c5b6a7988/\(id)", runtime: "docker"),
    Layout(
      path: "/ecs/1f2e3d4c5b6a79881f2e3d4c5b6a7988/1f2e3d4c5b6a79881f2e3d4c5b6a7988-2531612879",
      id: "1f2e3d4c5b6a79881f2e3d4c5b6a7988-2531612879", runtime: "containerd"),
    Layout(
      path: "/ecs.slice/ecstasks-1f2e3d4c.slice/docker-\(id).scope", runtime: "docker",
      unit: "docker-\(id).scope"),
    Layout(path: "/lxc/web1", id: "web1", runtime: "lxc"),
    Layout(path: "/lxc/101/ns/init.scope", id: "101", runtime: "lxc"),
    Layout(path: "/lxc.payload.web1", id: "web1", runtime: "lxc"),
    Layout(path: "/lxc.payload/web1/system.slice/a.service", id: "web1", runtime: "lxc"),
    Layout(path: "/lxc.monitor.web1", id: nil),
    Layout(path: "/lxc.monitor/web1", id: nil),
    Layout(
      path: "/system.slice/garden.service/garden/70eb4ce5-a065-4401-6990-88ed",
      id: "70eb4ce5-a065-4401-6990-88ed", runtime: "garden", unit: "garden.service"),
    Layout(
      path: "/garden/good/70eb4ce5-a065-4401-6990-88ed", id: "70eb4ce5-a065-4401-6990-88ed",
      runtime: "garden"),
    Layout(path: "/garden/good", id: nil),
  ]

  static let podman = [
    Layout(
      path: "/machine.slice/libpod-\(id).scope", runtime: "podman", unit: "libpod-\(id).scope"),
    Layout(
      path: "/machine.slice/libpod-\(id).scope/container", runtime: "podman",
      unit: "libpod-\(id).scope"),
    Layout(
      path: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope/container",
      runtime: "podman", unit: "user@1000.service"),
    Layout(
      path: "/machine.slice/machine-libpod_pod_\(outer).slice/libpod-\(id).scope",
      runtime: "podman", unit: "libpod-\(id).scope"),
    Layout(path: "/libpod_parent/libpod-\(id)", runtime: "podman"),
    Layout(path: "/libpod_parent/libpod-\(id)/ctr", runtime: "podman"),
    Layout(path: "/libpod_parent/libpod-\(id)/conmon", id: nil),
    Layout(
      path: "/system.slice/web.service/libpod-payload-\(id)", runtime: "podman",
      unit: "web.service"),
    Layout(path: "/system.slice/web.service/runtime", id: nil, unit: "web.service"),
    Layout(
      path: "/machine.slice/libpod-conmon-\(id).scope", id: nil,
      unit: "libpod-conmon-\(id).scope"),
    Layout(
      path: "/user.slice/user-1000.slice/user@1000.service/user.slice/podman-pause-1f2e3d4c.scope",
      id: nil, unit: "user@1000.service"),
  ]

  static let kubernetes = [
    Layout(path: "/kubepods/burstable/pod\(uid)/\(id)", pod: uid),
    Layout(path: "/kubepods/pod\(uid)/\(id)", pod: uid),
    Layout(path: "/kubepods/besteffort/pod\(uid)/crio-\(id)", runtime: "cri-o", pod: uid),
    Layout(path: "/kubepods/besteffort/pod\(uid)/crio-conmon-\(id)", id: nil, pod: uid),
    Layout(
      path: "/kubepods/burstable/pod1f2e3d4c5b6a79881f2e3d4c5b6a7988/\(id)",
      pod: "1f2e3d4c5b6a79881f2e3d4c5b6a7988"),
    Layout(path: "/kubepods/podinfo/\(id)"),
    Layout(
      path: "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod\(sliceUID).slice"
        + "/docker-\(id).scope", runtime: "docker", pod: uid, unit: "docker-\(id).scope"),
    Layout(
      path: "/kubepods.slice/kubepods-pod\(sliceUID).slice/cri-containerd-\(id).scope",
      runtime: "containerd", pod: uid, unit: "cri-containerd-\(id).scope"),
    Layout(
      path: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(sliceUID).slice"
        + "/crio-\(id).scope/container", runtime: "cri-o", pod: uid, unit: "crio-\(id).scope"),
    Layout(
      path: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(sliceUID).slice"
        + "/crio-conmon-\(id).scope", id: nil, pod: uid, unit: "crio-conmon-\(id).scope"),
    Layout(
      path: "/system.slice/containerd.service/kubepods-burstable-pod\(sliceUID).slice"
        + ":cri-containerd:\(id)", runtime: "containerd", pod: uid, unit: "containerd.service"),
    // kind: Kubernetes in a container of docker.
    Layout(
      path: "/docker/\(outer)/kubelet.slice/kubelet-kubepods.slice"
        + "/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod\(sliceUID).slice"
        + "/cri-containerd-\(id).scope", runtime: "containerd", pod: uid),
    Layout(path: "/docker/\(outer)/kubelet/kubepods/pod\(uid)/\(id)", pod: uid),
    // k3s, and what watches over a container of the inner engine, which is in the outer's.
    Layout(path: "/k3s/kubepods/burstable/pod\(uid)/\(id)", pod: uid),
    Layout(
      path: "/docker/\(id)/machine.slice/libpod-conmon-\(outer).scope", runtime: "docker"),
  ]

  static let hosts = [
    Layout(path: "/", id: nil),
    Layout(path: "/init.scope", id: nil, unit: "init.scope"),
    Layout(path: "/system.slice/ssh.service", id: nil, unit: "ssh.service"),
    Layout(
      path: "/user.slice/user-1000.slice/session-3.scope", id: nil, unit: "session-3.scope"),
    Layout(
      path: "/user.slice/user-1000.slice/user@1000.service/app.slice/vim.service", id: nil,
      unit: "user@1000.service"),
    Layout(path: "/system.slice/_cgroup.service", id: nil, unit: "cgroup.service"),
    Layout(path: "/system.slice", id: nil),
    Layout(path: "/system.slice/getty@tty1.service/x", id: nil, unit: "getty@tty1.service"),
    Layout(path: "/custom/1f2e3d4c5b6a79881f2e3d4c5b6a7988", id: nil),
    Layout(path: "/\(id.uppercased())", id: nil),
    Layout(path: "/podman", id: nil),
  ]

  @Test(arguments: engines + podman + kubernetes + hosts)
  func isKnownByItsCgroup(layout: Layout) {
    let names = layout.path.split(separator: "/").reversed().map { $0 + "/" }.joined()
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { scratch.deallocate() }
    Array(names.utf8).withUnsafeBytes { names in
      #expect(text(containerID(.bytes(names))) == layout.id, "\(layout.path)")
      #expect(text(containerRuntime(.bytes(names))) == layout.runtime, "\(layout.path)")
      #expect(text(podUID(.bytes(names), scratch: scratch)) == layout.pod, "\(layout.path)")
      #expect(text(systemdUnit(.bytes(names))) == layout.unit, "\(layout.path)")
    }
  }

  /// Names may hold any bytes, and a text that was cut ends anywhere.
  @Test func noNameIsTooOdd() {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
    defer { scratch.deallocate() }
    let whole = Self.kubernetes.map(\.path).joined() + "//:-:/-/.scope/:/pod/.slice/-pod.slice/"
    let bytes = Array(whole.utf8)
    for start in bytes.indices {
      bytes[start...].withUnsafeBytes { names in
        for derived in [
          containerID(.bytes(names)), containerRuntime(.bytes(names)),
          podUID(.bytes(names), scratch: scratch), systemdUnit(.bytes(names)),
        ] {
          #expect(text(derived)?.contains("/") != true)
        }
      }
    }
  }

  @Test func whatCouldNotBeReadStaysSo() {
    guard case .unreadable = containerID(.unreadable), case .absent = containerID(.absent) else {
      Issue.record("a missing text gave an answer")
      return
    }
  }

  private func text(_ value: FieldValue) -> String? {
    guard case .bytes(let bytes) = value else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
