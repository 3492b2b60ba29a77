package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"zgoda/config"
	"zgoda/console"
	"zgoda/control"
	"zgoda/event"
)

// shownTexts are what the sites show people now, as the control store keeps it.
func shownTexts(sites []config.SiteConfig) (texts []control.Text) {
	for i := range sites {
		s := &sites[i]
		for j := range s.Purposes {
			p := &s.Purposes[j]
			texts = append(texts, control.Text{
				Site: event.SiteID(s.ID), Purpose: event.PurposeID(p.ID), Version: max(p.Version, 1),
				Words: p.Text, Scope: p.Scope(), Controller: s.Controller.Said(),
			})
		}
	}
	return texts
}

// checkTexts compares what a configuration would show with what was shown before
// under the same versions, where there is a control store to be read.
func checkTexts(ctx context.Context, c *config.Config, out io.Writer) error {
	cfg := control.DefaultConfig(filepath.Join(c.Data, "control", "control.db"))
	var err error
	if cfg.Address, err = c.ControlAddress(); err != nil {
		return err
	}
	kept, err := control.ReadTexts(ctx, cfg)
	switch {
	case errors.Is(err, control.ErrNoStore):
		_, err = fmt.Fprintln(out, "\nThe texts were compared with none: there is no control store yet.")
	case err != nil:
		// The configuration may be right: the gateway compares again when it starts.
		_, err = fmt.Fprintf(out, "\nThe texts were not compared with those that were shown before: %v.\n", err)
	default:
		if err := control.CompareTexts(kept, shownTexts(c.Sites)); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "\nThe texts and scopes are those that were shown before, or have a version of their own (%d are kept).\n", len(kept))
	}
	return err
}

// Texts are what people were ever shown, for the console.
func (e exported) Texts(ctx context.Context, site event.SiteID) ([]console.Text, error) {
	kept, err := e.store.Texts(ctx, site)
	if err != nil {
		return nil, err
	}
	texts := make([]console.Text, len(kept))
	for i := range kept {
		t, hash := &kept[i], kept[i].Hash()
		texts[i] = console.Text{
			Site: t.Site, Purpose: t.Purpose, Version: t.Version, Hash: hex.EncodeToString(hash[:]),
			Words: t.Words, Scope: t.Scope, Controller: t.Controller, Kept: t.Kept,
		}
	}
	return texts, nil
}
