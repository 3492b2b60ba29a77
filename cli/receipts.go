package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

type receiptsCmd struct {
	contactFlags
	Format string `help:"receipt or record (ISO/IEC TS 27560, JSON-LD) or kantara (v1.1); default ${default}" enum:"receipt,record,kantara" default:"receipt" placeholder:"FORMAT"`
}

// Run writes what the ledger holds about a contact as a document for others.
func (f *receiptsCmd) Run(ctx context.Context, s streams) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	contact, err := f.find(ctx, c, identifier)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := c.call(ctx, http.MethodGet, f.path(contact, "consents")+"?format="+f.Format, nil, &raw); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	_, err = fmt.Fprintln(s.out, out.String())
	return err
}
