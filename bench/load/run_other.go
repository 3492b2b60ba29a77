//go:build !linux

package load

import (
	"context"
	"errors"
)

// Run is there on Linux only, whose epoll it is built on.
func Run(context.Context, Config, Source, func()) (Result, error) {
	return Result{}, errors.New("the load generator needs Linux")
}
