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
		Writer: "node-1", Number: 5, Sequence: 7, Site: "shop", Subject: event.Handle{1}, Purpose: "analytics", PurposeVersion: 2, State: StateGiven,
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
		"until":      func(e *Entry) { e.Until = e.At },
		"proof":      func(e *Entry) { e.Proof = ProofDocument },
		"guardian":   func(e *Entry) { e.Guardian = true },
		"country":    func(e *Entry) { e.Country = "SK" },
		"proof reference": func(e *Entry) {
			e.Proof, e.ProofRef = ProofDocument, strings.Repeat("SECRET", 1000)
		},
		"guardian reference": func(e *Entry) { e.Guardian, e.GuardianRef = true, strings.Repeat("SECRET", 1000) },
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

func TestValidateAccepts(t *testing.T) {
	for what, change := range map[string]func(*Entry){
		"an end":       func(e *Entry) { e.Until = e.At.Add(time.Hour) },
		"a guardian":   func(e *Entry) { e.Guardian, e.GuardianRef = true, "passport seen" },
		"a document":   func(e *Entry) { e.Proof, e.ProofRef = ProofDocument, "folder 7" },
		"a renewal":    func(e *Entry) { e.State, e.Until = StateRenewed, e.At.Add(time.Hour) },
		"a request":    func(e *Entry) { e.State, e.Until = StateRequested, e.At.Add(time.Hour) },
		"no end":       func(e *Entry) { e.State = StateRequested },
		"a country":    func(e *Entry) { e.State, e.Purpose, e.Country = StateLocated, "", "SK" },
		"a state":      func(e *Entry) { e.State, e.Purpose, e.Country = StateLocated, "", "US-CA" },
		"no country":   func(e *Entry) { e.State, e.Purpose = StateLocated, "" },
		"an opt-out":   func(e *Entry) { e.State, e.Purpose, e.Proof = StateOptedOut, "", ProofSignal },
		"an expiry":    func(e *Entry) { e.State, e.Channel = StateExpired, ChannelClock },
		"the switch":   func(e *Entry) { e.State, e.Purpose = StateProfilingOff, "" },
		"two contacts": func(e *Entry) { e.State, e.Purpose, e.Linked = StateConflict, "", event.Handle{2} },
	} {
		e := good()
		change(&e)
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, code := range []string{"sk", "S", "SVK", "US-", "US-ABCD", "USCA", "US_CA", "US-ca", "1K"} {
		e := good()
		e.State, e.Purpose, e.Country = StateLocated, "", code
		if e.Validate() == nil {
			t.Errorf("%q is taken for a country", code)
		}
	}
	for _, e := range []func(*Entry){
		func(e *Entry) { e.State, e.Until = StateRefused, e.At.Add(time.Hour) },
		func(e *Entry) { e.State, e.Guardian, e.GuardianRef = StateRefused, true, "x" },
		func(e *Entry) { e.ProofRef = "x" },
		func(e *Entry) { e.GuardianRef = "x" },
	} {
		bad := good()
		e(&bad)
		if bad.Validate() == nil {
			t.Error("an entry that makes no sense is accepted")
		}
	}
}

func TestWriterNames(t *testing.T) {
	for name, want := range map[Writer]bool{
		"a": true, "node-1": true, Writer(strings.Repeat("x", 32)): true,
		"": false, "Node": false, "a b": false, "a_b": false, "a+b": false, Writer(strings.Repeat("x", 33)): false,
	} {
		if name.Valid() != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}

func TestMicros(t *testing.T) {
	at := good().At
	if !FromMicros(Micros(at)).Equal(at) || Micros(time.Time{}) != 0 || !FromMicros(0).IsZero() {
		t.Error("a time does not read back")
	}
}

// TestGoldenHash holds the format: a change of it needs a new version.
func TestGoldenHash(t *testing.T) {
	e := good()
	var parts [Parts]Commitment
	parts[0] = Commit(PartSubject, [SaltSize]byte{9}, e.Value(PartSubject))
	hash := e.HashOf(KeyHash(e.Site, "k"), &parts)
	const want = "4f74bc301b1247a76ecee4a14969632a2b64cb82cdfef6483e8e3d8022d4a5aa"
	if got := hex.EncodeToString(hash[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The flag that came later is a bit that was zero in all entries before it.
	plain := e.AppendEncoded(nil, [32]byte{}, &parts)
	e.ADPC = true
	marked := e.AppendEncoded(nil, [32]byte{}, &parts)
	at := len(marked) - 8 - 8 - 32 - Parts*32 - 1
	if plain[at] != 1 || marked[at] != 1|8 || !bytes.Equal(plain[at+1:], marked[at+1:]) || !bytes.Equal(plain[:at], marked[:at]) {
		t.Errorf("flags %b and %b, or more than the flags differs", plain[at], marked[at])
	}
}

func TestEveryFieldIsInTheHash(t *testing.T) {
	base := good()
	plain := base.HashOf([32]byte{}, &[Parts]Commitment{})
	seen := map[[32]byte]string{plain: "unchanged"}
	for field, change := range map[string]func(*Entry){
		"sequence": func(e *Entry) { e.Sequence++ },
		"number":   func(e *Entry) { e.Number++ },
		"writer":   func(e *Entry) { e.Writer = "node-2" },
		"proof":    func(e *Entry) { e.Proof = ProofKey },
		"guardian": func(e *Entry) { e.Guardian = true },
		"until":    func(e *Entry) { e.Until = e.At.Add(time.Hour) },
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
		"adpc":     func(e *Entry) { e.ADPC = true },
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
	e.ProofRef, e.GuardianRef, e.Country = "scan 7", "seen the passport", "SK"
	var back Entry
	for p := Part(1); int(p) <= Parts; p++ {
		if !back.SetValue(p, e.Value(p)) {
			t.Errorf("part %d cannot be set", p)
		}
	}
	if back.ProofRef != e.ProofRef || back.GuardianRef != e.GuardianRef || back.Country != e.Country ||
		back.Subject != e.Subject || back.Linked != e.Linked || back.RawSignal != e.RawSignal || back.Actor != e.Actor || back.Reason != e.Reason {
		t.Error("a part was lost")
	}
	if back.SetValue(PartSubject, []byte("short")) || back.SetValue(0, nil) || back.SetValue(Part(Parts+1), nil) {
		t.Error("what is no part was set")
	}
}

func TestNames(t *testing.T) {
	for s := StateGiven; int(s) < len(stateNames); s++ {
		if ParseState(s.String()) != s {
			t.Errorf("state %d does not read back", s)
		}
	}
	for e := EventImplied; e <= EventExplicit; e++ {
		if ParseEventType(e.String()) != e {
			t.Errorf("event type %d does not read back", e)
		}
	}
	for p := ProofNone; int(p) < len(proofNames); p++ {
		if got, ok := ParseProof(p.String()); got != p || !ok {
			t.Errorf("proof %d does not read back", p)
		}
	}
	if _, ok := ParseProof(""); ok {
		t.Error("no proof at all is taken for one")
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
