package apptest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" // a thief tries what others use
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
)

// loot is what a thief took: the bytes of every file, and where tables were taken,
// every row as a database shows it to who has its folder.
type loot struct {
	name  string
	texts [][]byte
}

// steal copies the files below the given folders.
func steal(t *testing.T, name string, folders ...string) loot {
	t.Helper()
	l := loot{name: name}
	for _, folder := range folders {
		before := len(l.texts)
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			l.texts = append(l.texts, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(l.texts) == before {
			t.Fatalf("nothing to steal in %s", folder)
		}
	}
	return l
}

// with adds more to the loot, under another name.
func (l loot) with(name string, more ...loot) loot {
	out := loot{name: name, texts: slices.Clone(l.texts)}
	for _, m := range more {
		out.texts = append(out.texts, m.texts...)
	}
	return out
}

var (
	hexWord    = regexp.MustCompile(`[0-9a-fA-F]{32,128}`)
	base64Word = regexp.MustCompile(`[A-Za-z0-9+/_-]{22,88}`)
)

// maxKeys bounds how many strings of the loot are tried as keys.
const maxKeys = 12

// keys are the strings of the loot that could be keys: short files as they are,
// and words of small files that are written in hexadecimal or base64.
func (l loot) keys() [][]byte {
	seen := map[string]bool{}
	add := func(key []byte, err error) {
		if err == nil && len(key) >= 16 && len(key) <= 64 && len(seen) < maxKeys {
			seen[string(key)] = true
		}
	}
	for _, text := range l.texts {
		if len(text) > 4<<10 {
			continue
		}
		add(text, nil)
		add(bytes.TrimSpace(text), nil)
		for _, word := range hexWord.FindAll(text, 4) {
			add(hex.AppendDecode(nil, word))
		}
		for _, word := range base64Word.FindAll(text, 4) {
			add(base64.RawStdEncoding.AppendDecode(nil, word))
		}
	}
	var keys [][]byte
	for key := range seen {
		keys = append(keys, []byte(key))
	}
	return keys
}

// forms are the shapes that an address may have in the loot. It is made for one
// goroutine.
type forms struct {
	plain []hash.Hash // what needs no key
	keyed []hash.Hash
	known func(address string) [][]byte // what a thief with keys computes beside; may be nil
	text  []byte
}

func newForms(keys [][]byte, known func(string) [][]byte) *forms {
	f := &forms{plain: []hash.Hash{md5.New(), sha1.New(), sha256.New(), hmac.New(sha256.New, nil)}, known: known}
	for _, key := range keys {
		f.keyed = append(f.keyed, hmac.New(sha256.New, key))
	}
	return f
}

// each yields every form of an address, with its number.
func (f *forms) each(address string, yield func(form []byte)) {
	f.text = append(f.text[:0], address...)
	yield(f.text)
	yield([]byte(base64.RawStdEncoding.EncodeToString([]byte(address)))[:20])
	messages := [3][]byte{[]byte(address), []byte("shop:" + address), message("shop", "user_id", address)}
	var sum [64]byte
	for _, m := range messages {
		for _, h := range f.plain {
			h.Reset()
			h.Write(m)
			digest := h.Sum(sum[:0])[:16]
			yield(digest)
			yield(hex.AppendEncode(nil, digest))
		}
	}
	for _, h := range f.keyed {
		h.Reset()
		h.Write(messages[2])
		yield(h.Sum(sum[:0])[:16])
	}
	if f.known == nil {
		return
	}
	for _, value := range f.known(address) {
		yield(value)
		yield(hex.AppendEncode(nil, value))
		yield(bytes.ToUpper(hex.AppendEncode(nil, value)))
	}
}

// message is what K_gate is applied to, by the format's description.
func message(fields ...string) (out []byte) {
	for _, field := range fields {
		out = binary.BigEndian.AppendUint32(out, uint32(len(field)))
		out = append(out, field...)
	}
	return out
}

// windows marks every eight bytes of the loot, aligned or not, in a table of bits.
type windows []uint64

const windowBits = 31

func place(window []byte) (word uint64, bit uint64) {
	at := binary.LittleEndian.Uint64(window) * 0x9e3779b97f4a7c15 >> (64 - windowBits)
	return at / 64, at % 64
}

func (l loot) windows() windows {
	w := make(windows, 1<<windowBits/64)
	for _, text := range l.texts {
		for at := 0; at+8 <= len(text); at++ {
			word, bit := place(text[at:])
			w[word] |= 1 << bit
		}
	}
	return w
}

func (w windows) may(form []byte) bool {
	word, bit := place(form)
	return w[word]>>bit&1 == 1
}

// confirm tries every address in every form, and returns those that the loot
// tells about.
func (l loot) confirm(addresses []string, known func() func(string) [][]byte) map[string]bool {
	marked, keys := l.windows(), l.keys()
	var mu sync.Mutex
	suspects := map[uint64][]suspect{}
	var running sync.WaitGroup
	for part := range slices.Chunk(addresses, (len(addresses)+1)/2) {
		running.Go(func() {
			f := newForms(keys, nil)
			if known != nil {
				f.known = known()
			}
			for _, address := range part {
				f.each(address, func(form []byte) {
					if !marked.may(form) {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					key := binary.LittleEndian.Uint64(form)
					suspects[key] = append(suspects[key], suspect{address, slices.Clone(form)})
				})
			}
		})
	}
	running.Wait()
	found := map[string]bool{}
	for _, text := range l.texts {
		for at := 0; at+8 <= len(text); at++ {
			if !marked.may(text[at:]) {
				continue
			}
			for _, s := range suspects[binary.LittleEndian.Uint64(text[at:])] {
				if bytes.HasPrefix(text[at:], s.form) {
					found[s.address] = true
				}
			}
		}
	}
	return found
}

// suspect is a form of which eight bytes occur in the loot.
type suspect struct {
	address string
	form    []byte
}
