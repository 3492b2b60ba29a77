package bench

import (
	"fmt"
	"net"

	"github.com/valyala/fasthttp"
)

// ServeBare is the yardstick: the same HTTP server answering 204 and doing
// nothing else. It serves until the listener is closed.
func ServeBare(l net.Listener) error {
	server := &fasthttp.Server{
		Handler:               func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusNoContent) },
		NoDefaultServerHeader: true,
	}
	if err := server.Serve(l); err != nil {
		return fmt.Errorf("serve the bare yardstick: %w", err)
	}
	return nil
}
