package minimise

import "unsafe"

// Buffer holds the minimised texts of one event. The texts it returns point
// into it and are valid until Reset; a growth leaves the older ones intact. The
// zero Buffer is ready for use; it is not safe for concurrent use.
type Buffer struct {
	b       []byte
	view    []byte // what the text looks like once decoded
	scratch []byte
}

// maxKept is the capacity above which a buffer is not kept for another event.
const maxKept = 256 << 10

// Reset forgets all texts. It wipes them, since a Buffer lives on in a pool.
func (b *Buffer) Reset() {
	clear(b.b)
	clear(b.view[:cap(b.view)])
	clear(b.scratch[:cap(b.scratch)])
	if cap(b.b)+cap(b.view)+cap(b.scratch) > maxKept {
		*b = Buffer{}
		return
	}
	b.b, b.view, b.scratch = b.b[:0], b.view[:0], b.scratch[:0]
}

// since returns what was appended from start on, without copying. The bytes
// below len(b.b) are never written again before Reset, which is what makes the
// conversion sound.
func (b *Buffer) since(start int) string {
	if start == len(b.b) {
		return ""
	}
	return unsafe.String(&b.b[start], len(b.b)-start) //nolint:gosec // the bytes are not written again, as said above
}

// truncate takes back what was appended beyond n, and wipes it: Reset does not
// reach what lies behind the end.
func (b *Buffer) truncate(n int) {
	clear(b.b[n:])
	b.b = b.b[:n]
}

// cut shortens what was appended from start on to at most limit bytes, at a
// character's border.
func (b *Buffer) cut(start, limit int) {
	if len(b.b)-start <= limit {
		return
	}
	end := start + limit
	for end > start && b.b[end]&0xC0 == 0x80 {
		end--
	}
	b.truncate(end)
}
