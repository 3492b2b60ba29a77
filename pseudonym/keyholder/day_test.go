package keyholder

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym"
	"zgoda/pseudonym/daily"
	"zgoda/pseudonym/keyholderpb"
)

func today(t *testing.T, c *pseudonym.Client) daily.Key {
	t.Helper()
	key, err := c.Day(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sameKey(a, b daily.Key) bool { return bytes.Equal(a.Bytes.Reveal(), b.Bytes.Reveal()) }

// TestKeyOfTheDay: all gateways are handed one key of the day, nobody else is handed
// any; the next day has another, and so has the same day after a new start.
func TestKeyOfTheDay(t *testing.T) {
	dir, socket := folders(t)
	clock := newShift()
	k := start(t, dir, socket, func(c *Config) { c.Now = clock.now })
	first, again := today(t, k.Client), today(t, dial(t, socket))
	if !sameKey(first, again) || first.Day != daily.NumberOf(clock.now()) {
		t.Error("two gateways have two keys, or one of another day")
	}
	for _, name := range []string{"rights.sock", "admin.sock"} {
		_, err := keyholderpb.NewDailyClient(clientRaw(t, k, name)).Day(t.Context(), &keyholderpb.DayRequest{})
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("on %s: %v", name, err)
		}
	}
	clock.shift(first.Day.End().Sub(clock.now()))
	next := today(t, k.Client)
	if sameKey(next, first) || next.Day != first.Day+1 {
		t.Errorf("the next day: the same %v, day %d after %d", sameKey(next, first), next.Day, first.Day)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	k = start(t, dir, socket, func(c *Config) { c.Now = clock.now })
	anew := today(t, k.Client)
	if sameKey(anew, next) || anew.Day != next.Day {
		t.Error("a key of the day outlived the process")
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	for _, key := range []daily.Key{first, next, anew} {
		nowhere(t, dir, key.Bytes.Reveal())
	}
}

// nowhere fails if the bytes are in a file under the folder.
func nowhere(t *testing.T, dir string, secret []byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		files++
		if bytes.Contains(content, secret) {
			t.Errorf("%s has a key of a day", d.Name())
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files were read: %v", files, err)
	}
}
