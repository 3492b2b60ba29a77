package control

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
)

func shown(version uint32, change ...string) Text {
	t := Text{
		Site: site, Purpose: "analytics", Version: version,
		Words:      map[string]string{"en": "May we count?", "sk": "Smieme počítať?"},
		Scope:      map[string]string{"retention": "13mo", "data": `["pages"]`},
		Controller: map[string]string{"name": "Shop"},
	}
	for i := 0; i < len(change); i += 2 {
		if lang, ok := strings.CutPrefix(change[i], "text."); ok {
			t.Words[lang] = change[i+1]
		} else {
			t.Scope[change[i]] = change[i+1]
		}
	}
	return t
}

// contractTexts: the words behind a hash of the ledger stay readable, whatever is
// shown later and after a restart, and are those of the hash.
func contractTexts(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	old, now := shown(1), shown(2, "text.en", "May we count and compare?")
	if err := s.KeepTexts(t.Context(), []Text{old}); err != nil {
		t.Fatal(err)
	}
	e := entry(handle(1), ledger.StateGiven, "analytics")
	e.TextHash = old.Hash()
	appendAll(t, s, e)
	for range 2 { // the second time changes nothing
		if err := s.KeepTexts(t.Context(), []Text{now}); err != nil {
			t.Fatal(err)
		}
	}
	other := shown(1)
	other.Site = "blog"
	if err := s.KeepTexts(t.Context(), []Text{other}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	history, err := s.History(t.Context(), site, handle(1), 10)
	if err != nil || len(history) != 1 {
		t.Fatal(err)
	}
	texts, err := s.Texts(t.Context(), site)
	if err != nil || len(texts) != 2 {
		t.Fatalf("%d texts, %v", len(texts), err)
	}
	i := slices.IndexFunc(texts, func(x Text) bool { return x.Hash() == history[0].TextHash })
	if i < 0 || !maps.Equal(texts[i].Words, old.Words) || !maps.Equal(texts[i].Scope, old.Scope) || texts[i].Controller["name"] != "Shop" || time.Since(texts[i].Kept) > time.Hour {
		t.Errorf("the words of the entry: %+v", texts)
	}
	if all, err := ReadTexts(t.Context(), cfg); err != nil || len(all) != 3 {
		t.Errorf("beside the open store: %d texts, %v", len(all), err)
	}
}

// contractTextsChange: words and scope under one version stay the same; a language
// may be added, and a new version may say anything.
func contractTextsChange(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	if err := s.KeepTexts(t.Context(), []Text{shown(1), shown(3)}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  Text
		keys  string
		scope bool
	}{
		"same":           {shown(3), "", false},
		"older again":    {shown(1), "", false},
		"new version":    {shown(4, "text.en", "Other", "retention", "2y"), "", false},
		"language added": {shown(3, "text.pl", "Czy możemy?"), "", false},
		"key not known":  {shown(3, "later", "x"), "", false},
		"words":          {shown(3, "text.en", "May we?"), "text.en", false},
		"data":           {shown(3, "data", `["pages","purchases"]`), "data", true},
		"both":           {shown(1, "text.sk", "Smieme?", "retention", "2y"), "retention, text.sk", true},
	} {
		err := s.KeepTexts(t.Context(), []Text{c.text})
		if c.keys == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var changed *TextChangedError
		if !errors.As(err, &changed) || strings.Join(changed.Keys, ", ") != c.keys || changed.Scope != c.scope || changed.Newest < 3 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range []string{"site " + string(site), "purpose analytics", c.keys, "raise version to"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q lacks %q", name, err, want)
			}
		}
	}
	before, err := s.Texts(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.KeepTexts(t.Context(), []Text{shown(9), shown(3, "data", "none")}); err == nil {
		t.Error("a changed text was kept beside a good one")
	}
	if after, err := s.Texts(t.Context(), ""); err != nil || len(after) != len(before) {
		t.Errorf("half of it was kept: %d, %v", len(after), err)
	}
}

// contractTextDamaged: words that were altered in the store are not passed off as
// those of the hash.
func contractTextDamaged(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	if err := s.KeepTexts(t.Context(), []Text{shown(1)}); err != nil {
		t.Fatal(err)
	}
	say(t, s, `UPDATE text SET words = '{"en":"We may do anything."}'`)
	if _, err := s.Texts(t.Context(), site); !errors.Is(err, ErrTextDamaged) {
		t.Errorf("altered words: %v", err)
	}
	say(t, s, `UPDATE text SET words = 'x'`)
	if _, err := s.Texts(t.Context(), site); !errors.Is(err, ErrTextDamaged) {
		t.Errorf("no JSON: %v", err)
	}
}

func TestReadTextsWithoutAStore(t *testing.T) {
	if _, err := ReadTexts(t.Context(), config(t)); !errors.Is(err, ErrNoStore) {
		t.Errorf("%v", err)
	}
	cfg := config(t)
	cfg.Address = "postgres://%zz"
	if _, err := ReadTexts(t.Context(), cfg); !errors.Is(err, ErrAddress) {
		t.Errorf("%v", err)
	}
}

func TestHashTextTellsApart(t *testing.T) {
	seen := map[[32]byte]bool{}
	for _, m := range []map[string]string{nil, {"en": ""}, {"en": "a", "sk": "b"}, {"en": "b", "sk": "a"}, {"en": "a", "s": "kb"}, {"ena": "", "sk": "b"}} {
		h := consent.HashText(m)
		if seen[h] {
			t.Errorf("%v has another's hash", m)
		}
		seen[h] = true
	}
}
