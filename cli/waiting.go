package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type forgetWaitingCmd struct{ contactFlags }

// Run erases what waits of a contact on the node that it calls.
func (f *forgetWaitingCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	contact, err := f.find(ctx, c, identifier)
	if err != nil {
		return err
	}
	var out struct {
		Contact string
		Erased  int
		Seconds float64 `json:"erased_after_seconds"`
	}
	if err := c.call(ctx, http.MethodDelete, f.path(contact, "waiting"), nil, &out); err != nil {
		return err
	}
	took := time.Duration(out.Seconds * float64(time.Second)).Round(10 * time.Microsecond)
	_, err = fmt.Fprintf(s.out, "%d events of %s taken off the disk of this node after %s; what ClickHouse has is untouched\n", out.Erased, out.Contact, took)
	return err
}
