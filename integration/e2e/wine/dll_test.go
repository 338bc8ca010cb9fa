package wine

import (
	"bytes"
	"encoding/binary"
)

// A library that Go's programs load at their start and that this Wine has not:
// bcryptprimitives.dll with its one function, ProcessPrng, which fills memory
// with random bytes. It has no code: the export is forwarded to a function with
// the same arguments.
const (
	libraryName = "bcryptprimitives.dll"
	exported    = "ProcessPrng"
	forwardedTo = "advapi32.SystemFunction036"
)

const (
	fileAlign    = 0x200
	sectionAlign = 0x1000
)

// makeLibrary writes the library: headers and one section, the export table.
func makeLibrary() []byte {
	table := exportTable(sectionAlign)
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v) // to memory
		}
	}
	dos := make([]byte, 64)
	copy(dos, "MZ")
	dos[60] = 64 // where the next header begins
	const (
		amd64, isLibrary, console = 0x8664, 0x2022, 3
		magic64, optionalSize     = 0x20b, 240
	)
	put(dos, []byte("PE\x00\x00"))
	put(uint16(amd64), uint16(1), uint32(0), uint32(0), uint32(0), uint16(optionalSize), uint16(isLibrary))
	put(uint16(magic64), uint16(0), uint32(0), uint32(fileAlign), uint32(0), uint32(0), uint32(sectionAlign),
		uint64(0x180000000), uint32(sectionAlign), uint32(fileAlign),
		uint16(6), uint16(0), uint16(0), uint16(0), uint16(6), uint16(0), uint32(0),
		uint32(2*sectionAlign), uint32(fileAlign), uint32(0), uint16(console), uint16(0x100),
		uint64(0x100000), uint64(0x1000), uint64(0x100000), uint64(0x1000), uint32(0), uint32(16))
	put(uint32(sectionAlign), uint32(len(table)), make([]byte, 15*8))                                             //nolint:gosec // some bytes
	put([]byte(".edata\x00\x00"), uint32(len(table)), uint32(sectionAlign), uint32(fileAlign), uint32(fileAlign), //nolint:gosec // some bytes
		uint32(0), uint32(0), uint16(0), uint16(0), uint32(0x40000040))
	b.Write(make([]byte, fileAlign-b.Len()))
	b.Write(table)
	b.Write(make([]byte, 2*fileAlign-b.Len()))
	return b.Bytes()
}

// exportTable is the section at an address relative to the library's.
func exportTable(at uint32) []byte {
	const directory, functions, names, ordinals, texts = 0, 40, 44, 48, 50
	text := []byte(libraryName + "\x00" + exported + "\x00" + forwardedTo + "\x00")
	nameAt := at + texts
	exportAt := nameAt + uint32(len(libraryName)) + 1
	forwardAt := exportAt + uint32(len(exported)) + 1
	var b bytes.Buffer
	for _, v := range []any{
		uint32(0), uint32(0), uint16(0), uint16(0), nameAt, uint32(1), uint32(1), uint32(1),
		at + functions, at + names, at + ordinals, // the directory, of 40 bytes
		forwardAt, exportAt, uint16(0), text,
	} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory
	}
	return b.Bytes()
}
