// Package ending ends the embedded engine from inside its own process. It is
// apart from activity so that the launcher links the driver and nothing that
// knows about events.
package ending

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ErrRefused is returned when the engine could not be asked, or refused.
var ErrRefused = errors.New("the engine did not take the request to end")

// Engine asks the embedded engine to end: it kills the query that holds the
// engine's first thread, whose user shows as empty.
func Engine(ctx context.Context, address, user, password string) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{address},
		Auth: clickhouse.Auth{Username: user, Password: password, Database: "default"},
	})
	if err != nil {
		return ErrRefused // the driver's words may repeat the options
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Exec(ctx, "KILL QUERY WHERE user = ''"); err != nil {
		return ErrRefused
	}
	return nil
}
