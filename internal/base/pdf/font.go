package pdf

import "encoding/binary"

// charactersOf reads from a TrueType font which characters it has: the segments
// of its table of format 4, which the font of this package is known to have. A
// font without one has no characters.
func charactersOf(font []byte) map[rune]bool {
	at := func(offset int) int {
		if offset < 0 || offset+2 > len(font) {
			return 0
		}
		return int(binary.BigEndian.Uint16(font[offset:]))
	}
	long := func(offset int) int { return at(offset)<<16 | at(offset+2) }
	cmap := 0
	for i := range at(4) { // the directory of tables
		if entry := 12 + 16*i; entry+16 <= len(font) && string(font[entry:entry+4]) == "cmap" {
			cmap = long(entry + 8)
		}
	}
	all := map[rune]bool{}
	for i := range at(cmap + 2) {
		table := cmap + long(cmap+4+8*i+4)
		if cmap == 0 || at(table) != 4 {
			continue
		}
		size := at(table + 6) // of an array, in bytes
		for s := 0; s < size; s += 2 {
			last, first := at(table+14+s), at(table+16+size+s)
			delta, far := at(table+16+2*size+s), at(table+16+3*size+s)
			for c := first; c <= last && c < 0xffff; c++ {
				glyph := c
				if far != 0 {
					if glyph = at(table + 16 + 3*size + s + far + 2*(c-first)); glyph == 0 {
						continue
					}
				}
				if (glyph+delta)&0xffff != 0 {
					all[rune(c)] = true
				}
			}
		}
	}
	return all
}
