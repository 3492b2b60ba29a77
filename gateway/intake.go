package gateway

import (
	"errors"
	"io"

	"github.com/valyala/fasthttp"
)

// intake reads one request's body. What a client announces is worth nothing until
// something of it comes: there is room for the first 8 KiB, then for 16. Whoever
// has sent those gets room for all that was announced, up to 256 KiB; above, and
// where nothing was announced, for twice as much as has come. All but the first 8
// KiB is taken from the body budget. Intakes are reused.
type intake struct {
	buffers  *buffers
	buffer   *buffer // nil until something is read
	raw, out share   // as read, as unpacked
}

func (g *Gateway) newIntake() any {
	return &intake{buffers: &g.buffers, raw: share{of: g.bodies}, out: share{of: g.bodies}}
}

func (g *Gateway) takeIn() *intake {
	return g.intakes.Get().(*intake) //nolint:forcetypeassert // the pool's New makes nothing else
}

// putBack forgets the body.
func (g *Gateway) putBack(in *intake) {
	in.raw.release()
	in.out.release()
	if in.buffer != nil {
		g.buffers.give(in.buffer)
		in.buffer = nil
	}
	g.intakes.Put(in)
}

// read returns the body as it came, of at most limit bytes. It is valid until
// the intake is put back.
func (in *intake) read(rc *fasthttp.RequestCtx, limit int) ([]byte, error) {
	length, stream := rc.Request.Header.ContentLength(), rc.Request.BodyStream()
	if stream == nil {
		length = len(rc.Request.Body())
	}
	if length > limit {
		return nil, fasthttp.ErrBodyTooLarge
	}
	if stream == nil {
		return rc.Request.Body(), nil
	}
	most := length
	if length < 0 {
		most = limit + 1 // one more tells that there is more
	}
	for room := min(most, freeBytes); ; room = min(most, more(room, length)) {
		ended, err := in.fill(stream, room)
		switch {
		case err != nil:
			return nil, err
		case ended && (len(in.buffer.bytes) < length || length < 0 && cutShort(rc.Conn())):
			return nil, io.ErrUnexpectedEOF
		case ended, room == most && length >= 0:
			if length < 0 || length > freeBytes {
				rc.SetUserValue(wholeBody{}, true)
			}
			return in.buffer.bytes, nil
		case room == most:
			return nil, fasthttp.ErrBodyTooLarge
		}
	}
}

// more returns what to make room for when so much has come.
func more(room, length int) int {
	if length > 0 && room >= 2*freeBytes && room < 1<<mostClass {
		return min(length, 1<<mostClass)
	}
	return 2 * room
}

// fill reads until the buffer holds room bytes or the body has ended.
func (in *intake) fill(stream io.Reader, room int) (ended bool, err error) {
	if err := in.raw.hold(room); err != nil {
		return false, err
	}
	in.reach(room)
	b := in.buffer
	for len(b.bytes) < room {
		n, err := stream.Read(b.bytes[len(b.bytes):room])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// reach moves what has come into a buffer with room, unless there is some.
func (in *intake) reach(room int) {
	was := in.buffer
	if was != nil && cap(was.bytes) >= room {
		return
	}
	in.buffer = in.buffers.take(room)
	if was != nil {
		in.buffer.bytes = append(in.buffer.bytes, was.bytes...)
		in.buffers.give(was)
	}
}

// wholeBody marks a long body that was read to its end.
type wholeBody struct{}

// unread says whether something of the body may still be on the connection, so
// that no other request can be read from it.
func (g *Gateway) unread(rc *fasthttp.RequestCtx) bool {
	if rc.Request.BodyStream() == nil {
		return false
	}
	length := rc.Request.Header.ContentLength()
	return (length < 0 || length > g.server.MaxRequestBodySize) && rc.UserValue(wholeBody{}) == nil
}

// headerReceived is asked between a request's headers and its body. Only a body
// that does not fit into what is read ahead gets the time of a long one; one
// that announces too much is not waited for at all: dispatch refuses it.
func (g *Gateway) headerReceived(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	switch length := h.ContentLength(); {
	case length > g.config.MaxBodyBytes:
		h.SetContentLength(0)
		h.Del("Expect")
	case length > g.server.MaxRequestBodySize, length == -1:
		c.ReadTimeout = g.config.ReadTimeout
	}
	return c
}
