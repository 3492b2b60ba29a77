package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Text is what people were shown and told about one version of a purpose. It is
// kept for ever, by the hash that entries of the ledger have.
type Text struct {
	Site    event.SiteID      `json:"site"`
	Purpose event.PurposeID   `json:"purpose"`
	Version uint32            `json:"version"`
	Words   map[string]string `json:"words"` // by language
	// Scope is what was said beside the words, by key of the configuration: which
	// data, for whom, for how long.
	Scope map[string]string `json:"scope"`
	// Controller is who asked when this text was first kept, by key.
	Controller map[string]string `json:"controller"`
	Kept       time.Time         `json:"kept"` // UTC, microsecond
}

// Hash is that of the words.
func (t *Text) Hash() [32]byte { return consent.HashText(t.Words) }

// TextChangedError says that a version of a purpose was shown in other words, or
// with another scope, before.
type TextChangedError struct {
	Site    event.SiteID
	Purpose event.PurposeID
	Version uint32
	Keys    []string // of the configuration, for example "text.en" or "retention"
	Scope   bool     // what is done with the data is another, not its words alone
	Newest  uint32   // the highest version that is kept
}

// Error implements error.
func (e *TextChangedError) Error() string {
	what := "the wording, which people have to be shown again"
	if e.Scope {
		what = "the scope, to which nobody has agreed yet"
	}
	return fmt.Sprintf("site %s: purpose %s: %s changed since version %d was shown; that is a change of %s: raise version to %d (people are asked again), or put back what was there",
		e.Site, e.Purpose, strings.Join(e.Keys, ", "), e.Version, what, e.Newest+1)
}

// ErrTextDamaged is returned for words that have not the hash that they are kept by.
var ErrTextDamaged = errors.New("a text in the control store is damaged: it does not have its hash")

// KeepTexts keeps what is going to be shown, all or nothing. What was shown
// before under the same version must be the same, but for languages that are added
// or left out; else it returns a TextChangedError for each, joined.
func (s *Store) KeepTexts(ctx context.Context, texts []Text) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	tx, err := s.db.changes().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keep the texts: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if s.Shared() {                      // one node after the other; a file has one writer anyway
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM head WHERE id = 1 FOR UPDATE`); err != nil {
			return fmt.Errorf("keep the texts: %w", err)
		}
	}
	kept, err := readTexts(ctx, tx)
	if err != nil {
		return err
	}
	if err := CompareTexts(kept, texts); err != nil {
		return err
	}
	for i := range texts {
		if err := texts[i].insert(ctx, tx); err != nil {
			return fmt.Errorf("keep the texts: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("keep the texts: %w", err)
	}
	return nil
}

func (t *Text) insert(ctx context.Context, tx *sql.Tx) error {
	words, scope, controller := encoded(t.Words), encoded(t.Scope), encoded(t.Controller)
	hash := t.Hash()
	_, err := tx.ExecContext(ctx, `INSERT INTO text (site, purpose, version, hash, words, scope, controller, kept_micros)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (site, purpose, version, hash) DO NOTHING`,
		string(t.Site), string(t.Purpose), int64(t.Version), hash[:], words, scope, controller, now().UnixMicro())
	return err
}

// encoded writes texts by name, in the order of the names.
func encoded(m map[string]string) string {
	b, _ := json.Marshal(m) // texts always can be
	return string(b)
}

// Texts returns everything that was ever kept for a site, by purpose and version;
// for the empty site that of all.
func (s *Store) Texts(ctx context.Context, site event.SiteID) ([]Text, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	all, err := readTexts(ctx, s.db.plain())
	if err != nil || site == "" {
		return all, err
	}
	return slices.DeleteFunc(all, func(t Text) bool { return t.Site != site }), nil
}

func readTexts(ctx context.Context, q querier) (texts []Text, err error) {
	err = all(ctx, q, `SELECT site, purpose, version, hash, words, scope, controller, kept_micros FROM text
		ORDER BY site, purpose, version, kept_micros, hash`, nil, func(rows *sql.Rows) error {
		var t Text
		var version, kept int64
		var hash []byte
		var words, scope, controller string
		if err := rows.Scan((*string)(&t.Site), (*string)(&t.Purpose), &version, &hash, &words, &scope, &controller, &kept); err != nil {
			return err
		}
		t.Version, t.Kept = uint32(version), time.UnixMicro(kept).UTC()
		for _, m := range []struct {
			text string
			to   *map[string]string
		}{{words, &t.Words}, {scope, &t.Scope}, {controller, &t.Controller}} {
			if json.Unmarshal([]byte(m.text), m.to) != nil {
				return fmt.Errorf("site %s: purpose %s: version %d: %w", t.Site, t.Purpose, t.Version, ErrTextDamaged)
			}
		}
		if has := t.Hash(); string(hash) != string(has[:]) {
			return fmt.Errorf("site %s: purpose %s: version %d: %w", t.Site, t.Purpose, t.Version, ErrTextDamaged)
		}
		texts = append(texts, t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the texts: %w", err)
	}
	return texts, nil
}

// CompareTexts says, as KeepTexts does, whether texts can stand beside those that
// are kept.
func CompareTexts(kept, texts []Text) error {
	var errs []error
	for i := range texts {
		if e := texts[i].differs(kept); e != nil {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// differs looks for what was shown otherwise under the same version. A key that
// one of the two does not know says nothing: later programs know more.
func (t *Text) differs(kept []Text) *TextChangedError {
	e := TextChangedError{Site: t.Site, Purpose: t.Purpose, Version: t.Version, Newest: t.Version}
	keys := map[string]bool{}
	for i := range kept {
		k := &kept[i]
		if k.Site != t.Site || k.Purpose != t.Purpose {
			continue
		}
		e.Newest = max(e.Newest, k.Version)
		if k.Version != t.Version {
			continue
		}
		for lang, words := range t.Words {
			if was, ok := k.Words[lang]; ok && was != words {
				keys["text."+lang] = true
			}
		}
		for key, value := range t.Scope {
			if was, ok := k.Scope[key]; ok && was != value {
				keys[key], e.Scope = true, true
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	e.Keys = slices.Sorted(maps.Keys(keys))
	return &e
}
