package gateway

import (
	"bytes"
	"io"
	"testing"

	"github.com/valyala/fasthttp"
)

// dripping is a body that arrives in pieces, and looks each time at what the
// intake holds for what has come.
type dripping struct {
	t       *testing.T
	in      *intake
	body    []byte
	arrived int
}

func (d *dripping) Read(p []byte) (int, error) {
	most := 2 * freeBytes
	if d.arrived >= most {
		most = max(1<<mostClass, 2*d.arrived)
	}
	if d.arrived < freeBytes {
		most = freeBytes
	}
	if held := cap(d.in.buffer.bytes); held > most || held >= 2*(freeBytes+d.in.raw.taken) {
		d.t.Errorf("%d bytes are held and %d counted for %d", held, d.in.raw.taken, d.arrived)
	}
	n := copy(p, d.body[d.arrived:min(len(d.body), d.arrived+1000)])
	d.arrived += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestRoomComesWithWhatArrives: what is announced costs little before something
// of it has come, and nothing that the budget does not know of; bodies are whole.
func TestRoomComesWithWhatArrives(t *testing.T) {
	g := &Gateway{bodies: &budget{limit: 16 << 20}}
	g.intakes.New = g.newIntake
	for _, size := range []int{1, freeBytes, freeBytes + 1, 2 * freeBytes, 97 << 10, 1 << mostClass, 1<<mostClass + 1, 1 << 20} {
		for _, announced := range []bool{true, false} {
			in := g.takeIn()
			body := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
			rc := &fasthttp.RequestCtx{}
			stream := &dripping{t: t, in: in, body: body}
			length := size
			if !announced {
				length = -1
			}
			rc.Request.SetBodyStream(stream, length)
			got, err := in.read(rc, 2<<20)
			if announced && err != nil || !bytes.Equal(in.buffer.bytes, body) || announced && !bytes.Equal(got, body) {
				t.Errorf("%d bytes became %d: %v", size, len(in.buffer.bytes), err)
			}
			g.putBack(in)
			if in.buffer != nil || g.bodies.held.Load() != 0 {
				t.Errorf("%d bytes are counted, though the body is gone", g.bodies.held.Load())
			}
		}
	}
}

// TestBuffersAreEmpty: nobody reads what was in a buffer before, and none is larger
// than it has to be.
func TestBuffersAreEmpty(t *testing.T) {
	var b buffers
	for range 3 {
		for n := 1; n <= 1<<(mostClass+2); n = n*3/2 + 1 {
			x := b.take(n)
			if c := cap(x.bytes); c < n || (c > freeBytes && c >= 2*n) || len(x.bytes) != 0 {
				t.Fatalf("%d bytes of room for %d, %d in it", c, n, len(x.bytes))
			}
			for i, v := range x.bytes[:cap(x.bytes)] {
				if v != 0 {
					t.Fatalf("byte %d of somebody else's body is still there", i)
				}
			}
			x.bytes = x.bytes[:n]
			for i := range x.bytes {
				x.bytes[i] = 'x'
			}
			b.give(x)
		}
	}
}
