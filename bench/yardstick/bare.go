package yardstick

import (
	"fmt"
	"net"

	"github.com/valyala/fasthttp"
)

// maxBody is the largest body that is taken, that of a batch of 1,000.
const maxBody = 4 << 20

// ServeBare answers 204 and does nothing else. It serves until the listener is
// closed.
func ServeBare(l net.Listener) error {
	return serve(l, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusNoContent) })
}

func serve(l net.Listener, handler fasthttp.RequestHandler) error {
	server := &fasthttp.Server{Handler: handler, NoDefaultServerHeader: true, MaxRequestBodySize: maxBody, ReadBufferSize: 16 << 10}
	if err := server.Serve(l); err != nil {
		return fmt.Errorf("serve the yardstick: %w", err)
	}
	return nil
}
