package keyholder

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/keyholderpb"
)

// A call that is turned away while too many are under way is recorded as that,
// not as one that was too large.
func TestBusyIsRecordedAsBusy(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) { c.InFlight = 1 })
	slow, err := keyholderpb.NewRightsClient(clientRaw(t, k, "rights.sock")).Attach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	health := keyholderpb.NewHealthClient(clientRaw(t, k, "s"))
	ready := func() error {
		_, err := health.Ready(t.Context(), &keyholderpb.ReadyRequest{})
		return err
	}
	within(t, "a call is turned away", func() error {
		if err := ready(); status.Code(err) != codes.ResourceExhausted {
			return fmt.Errorf("it was let in: %w", err)
		}
		return nil
	})
	within(t, "it is recorded", func() error {
		if k.metric(t, `zgoda_keyholder_refused_total{why="busy"}`) < 1 {
			return errors.New("not counted")
		}
		return nil
	})
	if got := k.metric(t, `zgoda_keyholder_refused_total{why="oversized"}`); got != 0 {
		t.Errorf("%v calls are said to be too large", got)
	}
	if _, err := slow.CloseAndRecv(); err == nil {
		t.Fatal("a document of nothing was kept")
	}
	within(t, "calls are answered again", ready)
	found := false
	for _, e := range k.entriesOf(t) {
		found = found || e.Why == "busy"
	}
	if !found {
		t.Error("the log of calls does not tell")
	}
}
