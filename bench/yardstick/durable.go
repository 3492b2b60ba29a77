package yardstick

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"

	"github.com/valyala/fasthttp"
)

// ServeDurable answers 204 when the body is on disk, and 503 when the disk
// fails. It serves until the listener is closed; files are in dir.
func ServeDurable(ctx context.Context, l net.Listener, dir string) error {
	log, err := OpenLog(dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	committed := make(chan error, 1)
	go func() { committed <- log.Run(ctx) }()
	err = serve(l, func(ctx *fasthttp.RequestCtx) {
		if log.Append(ctx.PostBody()) != nil {
			ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
			return
		}
		ctx.SetStatusCode(fasthttp.StatusNoContent)
	})
	stop()
	if failed := <-committed; failed != nil {
		return failed
	}
	return err
}

// prefixLen is the length of what stands before each body in a file: its own
// length plus one, so that the zeros of a preallocated file end it.
const prefixLen = 4

func appendBody(dst, body []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)+1))
	return append(dst, body...)
}

// Bodies calls found with each body of a file's content, until its end or
// until a length that cannot be.
func Bodies(content []byte, found func(body []byte)) error {
	for len(content) >= prefixLen {
		n := int(binary.LittleEndian.Uint32(content)) - 1
		if n < 0 {
			return nil
		}
		content = content[prefixLen:]
		if n > len(content) {
			return fmt.Errorf("read a body: %d bytes announced, %d left", n, len(content))
		}
		found(content[:n])
		content = content[n:]
	}
	return nil
}
