package certificate_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/certificate"
	"zgoda/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// private is a key for tests alone, so that signatures are the same at each run.
func private(tb testing.TB, seed byte) certificate.Key {
	tb.Helper()
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)), "zgoda.example/shop/node")
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		tb.Fatal(err)
	}
	return certificate.Key{Signer: signer, Public: vkey}
}

func example() certificate.Body {
	at := time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)
	return certificate.Body{
		Request: "r_0123456789abcdefghjkmnpqrs", Site: "shop", Right: "erasure", Mode: "erase",
		Received: at, Accepted: at.Add(time.Second), Cutoff: at.Add(time.Second), Done: at.Add(3 * time.Minute),
		Nodes: 2, Waiting: 3, Pseudonyms: 5,
		Tables: []certificate.Table{{
			Name: "events", Before: 10_000, Mutations: []string{"0000000012", "mutation_13.txt"}, Replicas: 1, Verified: at.Add(2 * time.Minute),
		}},
		Keys:       certificate.Keys{Salt: true, DataKey: true, Unreadable: at.Add(24 * time.Hour), Tombstone: at.AddDate(0, 0, 30)},
		Recipients: []certificate.Recipient{{Name: "mailer", State: "delivered", At: at.Add(time.Minute)}},
		Manual:     []certificate.Manual{{System: "paper", Actor: "token:anna", At: at.Add(time.Minute)}},
		Horizon: certificate.Horizon{Until: at.AddDate(0, 0, 35), Stores: []certificate.Store{
			{Name: "backups", How: "expire", Until: at.AddDate(0, 0, 35)},
		}},
		Notes: []string{"rows without a pseudonym are not personal"},
	}
}

func sign(tb testing.TB, k certificate.Key, b certificate.Body) []byte {
	tb.Helper()
	file, err := k.Sign(b)
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// copied is one of rows that several servers held.
func copied() certificate.Body {
	b := example()
	at := b.Tables[0].Verified
	b.Tables[0].Replicas = 2
	b.Tables[0].Copies = []certificate.Copy{{Server: "ch1.example:9440", Verified: at}, {Server: "ch2.example:9440", Verified: at.Add(time.Second)}}
	return b
}

// TestGolden holds the format: what was handed out must verify for years.
func TestGolden(t *testing.T) {
	golden(t, "testdata/erasure.json", example(), 1)
	golden(t, "testdata/copies.json", copied(), 2)
}

func golden(t *testing.T, path string, body certificate.Body, version int) {
	t.Helper()
	key := private(t, 7)
	got := sign(t, key, body)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("the format has changed:\n%s\n%s", got, want)
	}
	b, err := certificate.Verify(want, private(t, 8).Public, key.Public)
	if err != nil {
		t.Fatal(err)
	}
	if b.Tables[0].Before != 10_000 || !b.Done.Equal(body.Done) || b.Version != version || len(b.Tables[0].Copies) != len(body.Tables[0].Copies) {
		t.Errorf("read back: %+v", b)
	}
	if k, err := certificate.KeyOf(want); err != nil || k != key.Public {
		t.Errorf("key %q, %v", k, err)
	}
}

// TestOthersCanVerify: the file is checked with nothing of ours, as docs say.
func TestOthersCanVerify(t *testing.T) {
	var file struct {
		Certificate json.RawMessage
		Key         string
		Signature   []byte
	}
	if err := json.Unmarshal(sign(t, private(t, 7), example()), &file); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(file.Key[strings.LastIndexByte(file.Key[:len("zgoda.example/shop/node+00000000+")], '+')+1:])
	if err != nil || len(raw) != 33 || raw[0] != 1 {
		t.Fatalf("key of %d bytes, %v", len(raw), err)
	}
	if !ed25519.Verify(raw[1:], append([]byte("zgoda certificate 1\n"), file.Certificate...), file.Signature) {
		t.Error("the signature does not verify")
	}
}

// TestEachBitCounts: no bit of a file can be another.
func TestEachBitCounts(t *testing.T) {
	key := private(t, 7)
	file := sign(t, key, example())
	for i := range file {
		for bit := range 8 {
			file[i] ^= 1 << bit
			if _, err := certificate.Verify(file); err == nil {
				t.Fatalf("verifies with bit %d of byte %d (%q) turned over", bit, i, file[i])
			}
			file[i] ^= 1 << bit
		}
	}
	for i := range len(file) - 1 {
		if _, err := certificate.Verify(file[:i], key.Public); err == nil {
			t.Fatalf("verifies when cut after %d bytes", i)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	key, other := private(t, 7), private(t, 8)
	file := sign(t, key, example())
	text := string(file)
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing":        {"", certificate.ErrMalformed},
		"another file":   {`{"ledger":1}`, certificate.ErrMalformed},
		"spaces":         {strings.Replace(text, `,"key"`, `, "key"`, 1), certificate.ErrMalformed},
		"a member more":  {strings.Replace(text, `,"key"`, `,"note":"x","key"`, 1), certificate.ErrMalformed},
		"upper case":     {strings.Replace(text, `"signature"`, `"Signature"`, 1), certificate.ErrMalformed},
		"fewer rows":     {strings.Replace(text, `"rows_before":10000`, `"rows_before":10001`, 1), certificate.ErrSignature},
		"another's name": {strings.Replace(text, key.Public, other.Public, 1), certificate.ErrSignature},
	} {
		if _, err := certificate.Verify([]byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := certificate.Verify(file, other.Public); !errors.Is(err, certificate.ErrKey) {
		t.Errorf("another key: %v", err)
	}
}

// TestNewerIsSaid: what is signed and of a later version is not called altered.
func TestNewerIsSaid(t *testing.T) {
	key := private(t, 7)
	body := []byte(`{"version":3,"words":"new"}`)
	signature, err := key.Signer.Sign(append([]byte("zgoda certificate 1\n"), body...))
	if err != nil {
		t.Fatal(err)
	}
	file := `{"certificate":` + string(body) + `,"key":"` + key.Public + `","signature":"` + base64.StdEncoding.EncodeToString(signature) + "\"}\n"
	if _, err := certificate.Verify([]byte(file)); !errors.Is(err, certificate.ErrNewer) {
		t.Error(err)
	}
}

// TestNothingPersonalIsSigned: neither a mail address nor a pseudonym, in any text.
func TestNothingPersonalIsSigned(t *testing.T) {
	key := private(t, 7)
	for name, change := range map[string]func(*certificate.Body, string){
		"note":      func(b *certificate.Body, s string) { b.Notes[0] = "asked by " + s },
		"actor":     func(b *certificate.Body, s string) { b.Manual[0].Actor = s },
		"system":    func(b *certificate.Body, s string) { b.Manual[0].System = s },
		"recipient": func(b *certificate.Body, s string) { b.Recipients[0].Name = s },
		"mutation":  func(b *certificate.Body, s string) { b.Tables[0].Mutations[1] = s },
		"server":    func(b *certificate.Body, s string) { b.Tables[0].Copies = []certificate.Copy{{Server: s}} },
		"store":     func(b *certificate.Body, s string) { b.Horizon.Stores[0].How = s },
		"request":   func(b *certificate.Body, s string) { b.Request = s },
	} {
		for _, text := range []string{
			"jana@shop.example", "00112233445566778899AABBCCDDEEFF", event.Handle{1, 2, 3}.Text(event.KindUserID), event.Handle{4}.Text(event.KindVisitor),
		} {
			b := example()
			change(&b, text)
			if _, err := key.Sign(b); !errors.Is(err, certificate.ErrPersonal) || strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	key := private(f, 7)
	file := sign(f, key, example())
	f.Add(file)
	f.Add([]byte(`{"certificate":{},"key":"a+00000000+","signature":""}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, err := certificate.Verify(in, key.Public); err == nil && !bytes.Equal(bytes.TrimSuffix(in, []byte("\n")), bytes.TrimSuffix(file, []byte("\n"))) {
			t.Errorf("a certificate that nobody signed: %q", in)
		}
	})
}
