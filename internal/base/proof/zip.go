package proof

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path"
	"strings"
	"unicode/utf8"
)

// File is one file of a pack.
type File struct {
	Name    string
	Content []byte
}

// A pack's ZIP says nothing but names and contents: files are stored as they are,
// at the earliest time that a ZIP can state, without attributes or comments. So
// the names and contents are the only thing that two packs can differ in, and
// [readZIP] can demand every other byte.
const (
	version  = 20 // 2.0: folders
	utf8Flag = 1 << 11
	dosDate  = 1<<5 | 1 // 1 January 1980
	mostFile = 1<<32 - 1
	most     = 1<<16 - 1
)

// writeZIP writes the files in their order.
func writeZIP(files []File) ([]byte, error) {
	var out, directory bytes.Buffer
	put := func(b *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(b, binary.LittleEndian, v) // a Buffer takes every number
		}
	}
	if len(files) > most {
		return nil, broken("a pack holds at most %d files", most)
	}
	for _, f := range files {
		if err := goodName(f.Name); err != nil {
			return nil, err
		}
		if len(f.Content) > mostFile-1<<20 || out.Len()+len(f.Content) > mostFile-1<<20 {
			return nil, broken("a pack is smaller than 4 GiB")
		}
		at := uint32(out.Len())
		about := []any{
			uint16(version), uint16(utf8Flag), uint16(0), uint16(0), uint16(dosDate),
			crc32.ChecksumIEEE(f.Content), uint32(len(f.Content)), uint32(len(f.Content)), uint16(len(f.Name)), uint16(0),
		}
		put(&out, uint32(0x04034b50))
		put(&out, about...)
		out.WriteString(f.Name)
		out.Write(f.Content)
		put(&directory, uint32(0x02014b50), uint16(version))
		put(&directory, about...)
		put(&directory, uint16(0), uint16(0), uint16(0), uint32(0), at)
		directory.WriteString(f.Name)
	}
	at := uint32(out.Len())
	out.Write(directory.Bytes())
	put(&out, uint32(0x06054b50), uint16(0), uint16(0), uint16(len(files)), uint16(len(files)), uint32(directory.Len()), at, uint16(0))
	return out.Bytes(), nil
}

// readZIP reads what writeZIP wrote and refuses everything else.
func readZIP(text []byte) ([]File, error) {
	var files []File
	for rest := text; len(rest) >= 4 && binary.LittleEndian.Uint32(rest) == 0x04034b50; {
		const head = 30
		if len(rest) < head {
			return nil, broken("the ZIP ends too early")
		}
		size, name := int64(binary.LittleEndian.Uint32(rest[18:])), int64(binary.LittleEndian.Uint16(rest[26:]))
		if int64(len(rest)) < head+name+size {
			return nil, broken("the ZIP ends too early")
		}
		files = append(files, File{Name: string(rest[head : head+name]), Content: rest[head+name : head+name+size]})
		rest = rest[head+name+size:]
	}
	again, err := writeZIP(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, text) {
		return nil, broken("the ZIP is not in its one form")
	}
	return files, nil
}

// goodName refuses names that could be unpacked outside their folder.
func goodName(name string) error {
	if name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsAny(name, "\\:\x00") || path.IsAbs(name) || path.Clean(name) != name ||
		name == "." || name == ".." || strings.HasPrefix(name, "../") {
		return broken("%q is not a name of a file in a pack", name)
	}
	return nil
}
