package cli

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

type ledgerTextsCmd struct {
	dataFlag
	formatFlag
	Site string `help:"of this site alone" placeholder:"S"`
	Hash string `help:"the words of this hash alone, as an entry of the ledger has it" placeholder:"HEX"`
}

// shownText is one text of the console's answer.
type shownText struct {
	Site       string            `json:"site"`
	Purpose    string            `json:"purpose"`
	Version    uint32            `json:"version"`
	Hash       string            `json:"hash"`
	Words      map[string]string `json:"words"`
	Scope      map[string]string `json:"scope"`
	Controller map[string]string `json:"controller"`
	Kept       time.Time         `json:"kept"`
}

// Run prints the words.
func (f *ledgerTextsCmd) Run(ctx context.Context, s streams) error {
	c, err := f.connect()
	if err != nil {
		return err
	}
	var out struct {
		Texts []shownText `json:"texts"`
	}
	query := url.Values{"site": {f.Site}, "hash": {f.Hash}}
	if err := c.call(ctx, http.MethodGet, "/ledger/texts?"+query.Encode(), nil, &out); err != nil {
		return err
	}
	if f.Format == "JSON" {
		return writeJSON(s.out, out.Texts)
	}
	p := func(format string, args ...any) { _, err = fmt.Fprintf(s.out, format+"\n", args...) }
	for i := range out.Texts {
		t := &out.Texts[i]
		p("site %s, purpose %s, version %d, of %s, kept since %s", t.Site, t.Purpose, t.Version, t.Controller["name"], t.Kept.UTC().Format(time.RFC3339))
		p("  hash %s", t.Hash)
		for _, lang := range slices.Sorted(maps.Keys(t.Words)) {
			p("  %s: %s", lang, t.Words[lang])
		}
		for _, key := range slices.Sorted(maps.Keys(t.Scope)) {
			if t.Scope[key] != "" {
				p("  %s: %s", key, t.Scope[key])
			}
		}
	}
	if len(out.Texts) == 0 {
		p("no such text was ever shown")
	}
	return err
}
