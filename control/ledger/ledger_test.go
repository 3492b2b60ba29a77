package ledger

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

func good() Entry {
	return Entry{
		Sequence: 7, Site: "shop", Subject: event.Handle{1}, Purpose: "analytics", PurposeVersion: 2, State: StateGiven,
		Type: EventExplicit, Channel: ChannelDialogue, Surface: "dialogue", Locale: "pl-PL", GPC: true,
		Actor: "ana", Reason: "asked", At: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
	}
}

func TestValidate(t *testing.T) {
	if e := good(); e.Validate() != nil {
		t.Fatal(e.Validate())
	}
	for field, spoil := range map[string]func(*Entry){
		"site":       func(e *Entry) { e.Site = "" },
		"subject":    func(e *Entry) { e.Subject = event.Handle{} },
		"state":      func(e *Entry) { e.State, e.Purpose = 200, "" },
		"event type": func(e *Entry) { e.Type = 9 },
		"purpose":    func(e *Entry) { e.Purpose = "" },
		"linked":     func(e *Entry) { e.State, e.Purpose = StateLinked, "" },
		"channel":    func(e *Entry) { e.Channel = "" },
		"surface":    func(e *Entry) { e.Surface = "SECRET <script>" },
		"locale":     func(e *Entry) { e.Locale = strings.Repeat("x", 36) },
		"reason":     func(e *Entry) { e.Reason = strings.Repeat("SECRET", 1000) },
		"actor":      func(e *Entry) { e.Actor = strings.Repeat("x", MaxText+1) },
		"key":        func(e *Entry) { e.Key = strings.Repeat("x", MaxText+1) },
		"time":       func(e *Entry) { e.At = time.Time{} },
	} {
		e := good()
		spoil(&e)
		err := e.Validate()
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error repeats the content", field)
		}
	}
	self := good()
	self.State, self.Purpose, self.Linked = StateLinked, "", self.Subject
	if self.Validate() == nil {
		t.Error("a person is linked to itself")
	}
}

// TestGoldenHash holds the format: a change of it needs a new version.
func TestGoldenHash(t *testing.T) {
	e := good()
	var parts [Parts]Commitment
	parts[0] = Commit(PartSubject, [SaltSize]byte{9}, e.Value(PartSubject))
	hash := e.HashOf(KeyHash(e.Site, "k"), &parts)
	const want = "0e29e4eddb4715739f154b0c0ea2596daf14c6b84eec71e2d33cec3fc73405db"
	if got := hex.EncodeToString(hash[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEveryFieldIsInTheHash(t *testing.T) {
	base := good()
	plain := base.HashOf([32]byte{}, &[Parts]Commitment{})
	seen := map[[32]byte]string{plain: "unchanged"}
	for field, change := range map[string]func(*Entry){
		"sequence": func(e *Entry) { e.Sequence++ },
		"previous": func(e *Entry) { e.Previous[31] = 1 },
		"site":     func(e *Entry) { e.Site = "shop2" },
		"purpose":  func(e *Entry) { e.Purpose = "profiling" },
		"version":  func(e *Entry) { e.PurposeVersion++ },
		"text":     func(e *Entry) { e.TextHash[0] = 1 },
		"state":    func(e *Entry) { e.State = StateRefused },
		"type":     func(e *Entry) { e.Type = EventImplied },
		"channel":  func(e *Entry) { e.Channel = ChannelAPI },
		"surface":  func(e *Entry) { e.Surface = "page" },
		"locale":   func(e *Entry) { e.Locale = "sk" },
		"shifted":  func(e *Entry) { e.Surface, e.Locale = "dialoguep", "l-PL" },
		"gpc":      func(e *Entry) { e.GPC = false },
		"dnt":      func(e *Entry) { e.DNT = true },
		"time":     func(e *Entry) { e.At = e.At.Add(time.Microsecond) },
	} {
		e := base
		change(&e)
		hash := e.HashOf([32]byte{}, &[Parts]Commitment{})
		if other, ok := seen[hash]; ok {
			t.Errorf("%s hashes like %s", field, other)
		}
		seen[hash] = field
	}
	for i := range Parts {
		var parts [Parts]Commitment
		parts[i][0] = 1
		if _, ok := seen[base.HashOf([32]byte{}, &parts)]; ok {
			t.Errorf("part %d is not in the hash", i+1)
		}
	}
	if base.HashOf([32]byte{1}, &[Parts]Commitment{}) == plain {
		t.Error("the key is not in the hash")
	}
}

func TestCommitmentBinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOf(rapid.Byte()).Draw(t, "a"), rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		var salt, other [SaltSize]byte
		copy(salt[:], rapid.SliceOfN(rapid.Byte(), SaltSize, SaltSize).Draw(t, "salt"))
		copy(other[:], rapid.SliceOfN(rapid.Byte(), SaltSize, SaltSize).Draw(t, "other"))
		c := Commit(PartReason, salt, a)
		if (c == Commit(PartReason, salt, b)) != bytes.Equal(a, b) {
			t.Error("it does not bind the value")
		}
		if (c == Commit(PartReason, other, a)) != (salt == other) {
			t.Error("it does not bind the salt")
		}
		if c == Commit(PartActor, salt, a) || c == (Commitment{}) {
			t.Error("it does not bind the part")
		}
	})
}

func TestPartsRoundTrip(t *testing.T) {
	e := good()
	e.Linked, e.RawSignal = event.Handle{2}, "raw"
	var back Entry
	for p := Part(1); int(p) <= Parts; p++ {
		if !back.SetValue(p, e.Value(p)) {
			t.Errorf("part %d cannot be set", p)
		}
	}
	if back.Subject != e.Subject || back.Linked != e.Linked || back.RawSignal != e.RawSignal || back.Actor != e.Actor || back.Reason != e.Reason {
		t.Error("a part was lost")
	}
	if back.SetValue(PartSubject, []byte("short")) || back.SetValue(0, nil) || back.SetValue(Part(Parts+1), nil) {
		t.Error("what is no part was set")
	}
}

func TestNames(t *testing.T) {
	for s := StateGiven; s <= StateErased; s++ {
		if ParseState(s.String()) != s {
			t.Errorf("state %d does not read back", s)
		}
	}
	for e := EventImplied; e <= EventExplicit; e++ {
		if ParseEventType(e.String()) != e {
			t.Errorf("event type %d does not read back", e)
		}
	}
	if ParseState("") != StateUnknown || ParseEventType("x") != EventUnknown || State(99).String() != "unknown" {
		t.Error("what is unknown must be unknown")
	}
}

func TestEntryPrintsNothing(t *testing.T) {
	e := good()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, e); got != redacted {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if e.LogValue().String() != redacted {
		t.Error("it can be logged")
	}
}
