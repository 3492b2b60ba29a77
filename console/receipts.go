package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Receipts writes what the ledger holds about a person as documents for others.
type Receipts interface {
	// Document writes a "record", a "receipt" or a "kantara" receipt as JSON. Name
	// is the handle as text. An error says why there can be none, for example which
	// key of the configuration is missing; its text is shown to the asker.
	Document(ctx context.Context, format string, site event.SiteID, handle event.Handle, name string, entries []ledger.Entry) ([]byte, error)
}

// document answers with a document in place of the history.
func (s *Server) document(ctx context.Context, in *historyInput, h event.Handle, entries []ledger.Entry) (*historyOutput, error) {
	if s.deps.Receipts == nil {
		return nil, problem(http.StatusNotFound, "there are no receipts here")
	}
	raw, err := s.deps.Receipts.Document(ctx, in.Format, event.SiteID(in.Site), h, in.name(h), entries)
	if err != nil {
		return nil, problem(http.StatusConflict, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return &historyOutput{Body: json.RawMessage(raw)}, ctx.Err()
}
