/// The C header of a table (`NAME.gen.h`): struct, bits, constants, and the assertions that the
/// compiler lays the record out as Swift does. It includes `bpf/record.h`.
public func cHeader(for schema: Schema) -> String {
  let layout = RecordLayout(schema)
  let stored = schema.storedFields
  return """
    /* Generated from the schema of \(schema.name). */
    #pragma once

    #define KITER_TABLE "\(schema.name.prefix(15))"
    #define KITER_LAYOUT 0x\(String(layout.hash, radix: 16))ULL
    #define KITER_WORDS \(layout.words)
    #define KITER_MATCH_MAX \(FilterValue.textMax + 1)

    struct kiter_text {
    \tu16 offset, length;
    };

    struct kiter_ip {
    \tu8 version; /* 4 or 6 */
    \tu8 pad[3];
    \tu8 bytes[16];
    };

    /* A field's number is its bit. */
    enum {
    \(lines(stored.enumerated()) { "\tKITER_BIT_\($1.name) = \($0)," })
    };

    enum {
    \(lines(schema.programs.enumerated()) { "\tKITER_PROGRAM_\($1.name) = \($0)," })
    };

    \(schema.names.map(nameSet).joined(separator: "\n"))
    /* \(schema.summary) */
    struct kiter_record {
    \tu16 record_size; /* not `size`, which a field may be called */
    \tu16 program;
    \tu32 order; /* of a walk by the program itself: where the row belongs; or 0 */
    \tu64 present[KITER_WORDS];
    \tu64 partial[KITER_WORDS];
    \(lines(stored) { "\t\(cType($0.type)) \($0.name);" })
    } __attribute__((aligned(8)));

    \(lines(zip(stored, layout.slots), assertion))
    _Static_assert(sizeof(struct kiter_record) == \(layout.fixedSize), "\(schema.name): size");

    /* Set by the loader; the verifier then knows every value and removes what is not asked for. */
    struct kiter_config {
    \tu64 want[KITER_WORDS];
    \tu32 fixed; /* where the tail begins */
    \tu32 slots;
    \tu32 page_shift;
    \tu32 cpus; /* possible ones */
    \(lines(schema.parameters) { "\t\($0.form == .file ? "s32" : "u32") \($0.name);" })
    \tu64 matching; /* a bit for each of the filters below that was given */
    \(lines(schema.filters, filterMember))
    \tbool asked[\(stored.count)]; /* the bits of want again: one load and one jump to look at */
    };

    const volatile struct kiter_config kiter_config SEC(".rodata.config");

    /* Sets the bit of each field that this kernel does not have. */
    static __always_inline void kiter_lacking(u64 *mask)
    {
    \t(void)mask;
    \(lines(stored.filter { !$0.requires.isEmpty }, lacking))
    }

    #include "record.h"

    /* Is the record one of those that were asked for? */
    static __always_inline int kiter_matches(const struct kiter_writer *w)
    {
    \t(void)w;
    \(lines(schema.filters.enumerated(), filterTest))
    \treturn 1;
    }

    """
}

private func filterMember(_ field: Field) -> String {
  field.type == .text
    ? "\tu64 match_\(field.name)_length;\n\tchar match_\(field.name)[KITER_MATCH_MAX];"
    : "\tu64 match_\(field.name);"
}

private func filterTest(_ bit: Int, _ field: Field) -> String {
  let name = field.name
  let test = field.type == .text ? "MATCHES_TEXT(w, \(name))" : "MATCHES(w, \(name))"
  return "\tif (kiter_config.matching & \(1 << bit) && !\(test))\n\t\treturn 0;"
}

private func lines<S: Sequence>(_ items: S, _ line: (S.Element) -> String) -> String {
  items.map(line).joined(separator: "\n")
}

/// A stored field's type in C.
package func cType(_ type: FieldType?) -> String {
  switch type {
  case .text, .u32List, .u64List, .value: "struct kiter_text"
  case .ip: "struct kiter_ip"
  case .bool: "u8"
  case let type?: type.rawValue
  case nil: "void"
  }
}

private func nameSet(_ set: Schema.NameSet) -> String {
  """
  enum {
  \(lines(set.values) { "\tKITER_\(set.name)_\(cName($0.name)) = \($0.value)," })
  };

  """
}

private func cName(_ name: String) -> String {
  String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })
}

private func assertion(_ field: Field, _ slot: RecordLayout.Slot) -> String {
  "_Static_assert(__builtin_offsetof(struct kiter_record, \(field.name)) == \(slot.offset), "
    + "\"\(field.name)\");"
}

/// No jump: each would make the verifier look back at where its condition came from.
private func lacking(_ field: Field) -> String {
  let tests = field.requires.map { requirement in
    if requirement.hasSuffix("()") { return "(\(requirement.dropLast(2)) != 0)" }
    let parts = requirement.split(separator: ".", maxSplits: 1)
    return parts.count == 2
      ? "bpf_core_field_exists(struct \(parts[0]), \(parts[1]))"
      : "bpf_core_type_exists(struct \(requirement))"
  }
  let bit = "KITER_BIT_\(field.name)"
  return "\tmask[\(bit) / 64] |= (u64)(1 ^ (\(tests.joined(separator: " & ")))) << (\(bit) % 64);"
}
