package calls

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zgoda/pseudonym/secret"
)

func TestVerifyTells(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.SealUnder(testKey())
	for range 3 {
		put(t, l, "act")
		if err := l.flush(true, true); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, name(1)))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	lines = lines[:len(lines)-1]
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	anew := forge(t, lines[0])
	for what, altered := range map[string][]byte{
		"a letter altered":       bytes.Replace(content, []byte("op-3"), []byte("op-4"), 1),
		"an entry left out":      join(lines[0], lines[2], lines[3]),
		"two swapped":            join(lines[1], lines[0], lines[2]),
		"the beginning left out": bytes.Replace(join(lines[1:]...), []byte(`"n":2`), []byte(`"n":1`), 1),
		"a space":                bytes.Replace(content, []byte(`"rows":1,`), []byte(`"rows": 1,`), 1),
		"a key twice":            bytes.Replace(content, []byte(`"rows":1,`), []byte(`"rows":1,"rows":1,`), 1),
		"not whole":              content[:len(content)-1],
		"made anew, old seal":    join(anew, lines[1]),
	} {
		if _, err := Verify(bytes.NewReader(altered), testKey()); !isBroken(err) {
			t.Errorf("%s passed", what)
		}
	}
	good, err := Verify(bytes.NewReader(content), testKey())
	if err != nil || good.Seals != 3 || good.Last != 6 {
		t.Errorf("the unaltered one: %+v, %v", good, err)
	}
	// The newest entries cut off are missed by who noted one of them.
	cut := join(lines[:4]...)
	if _, err := Verify(bytes.NewReader(cut), testKey()); err != nil {
		t.Error(err)
	}
	for _, noted := range []Noted{{good.Last, good.Head}, {2, good.Head}} {
		if _, err := Verify(bytes.NewReader(cut), testKey(), noted); err == nil {
			t.Errorf("entry %d was noted, and is not missed", noted.Number)
		}
	}
	if _, err := Verify(bytes.NewReader(content), testKey(), Noted{good.Last, good.Head}); err != nil {
		t.Error(err)
	}
	// Who has the files and not the key can make a chain that hangs together; a
	// seal it cannot make.
	sealed, _, err := encode(&Entry{Number: 2, Act: actSeal}, sealOf(secret.New(make([]byte, 32)), 1, forged(t, anew)), forged(t, anew))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(bytes.NewReader(join(anew, sealed)), testKey()); err == nil {
		t.Error("a seal under another key passed")
	}
	if v, err := Verify(bytes.NewReader(join(anew, sealed)), secret.Bytes{}); err != nil || v.Checked {
		t.Errorf("without the key: %+v, %v", v, err)
	}
}

func isBroken(err error) bool {
	_, ok := errors.AsType[*Broken](err)
	return ok
}

// forge writes an entry anew with another actor.
func forge(t *testing.T, text []byte) []byte {
	t.Helper()
	r, err := decode(text[:len(text)-1])
	if err != nil {
		t.Fatal(err)
	}
	r.Actor = "nobody"
	out, _, err := encode(&r.Entry, "", r.prev)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func forged(t *testing.T, text []byte) Hash {
	t.Helper()
	r, err := decode(text[:len(text)-1])
	if err != nil {
		t.Fatal(err)
	}
	return r.hash
}

// FuzzDecode: what is taken for an entry is written again as the same bytes.
func FuzzDecode(f *testing.F) {
	e := Entry{Number: 1, Act: "reveal", Reason: "x\u2028y\x00", Rows: 4}
	text, _, err := encode(&e, "", Hash{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[:len(text)-1])
	f.Add([]byte(`{"n":1,"prev":"","hash":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decode(text)
		if err != nil {
			return
		}
		again, _, err := encode(&r.Entry, r.mac, r.prev)
		if err != nil || !bytes.Equal(again[:len(again)-1], text) {
			t.Fatalf("%q is written %q, %v", text, again, err)
		}
	})
}
