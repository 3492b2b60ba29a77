package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// written makes a folder with two segments of ten records and one of three.
func written(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cfg := smallConfig(dir)
	for _, part := range [][]string{names(0, 10), names(10, 20), names(20, 23)} {
		s := start(t, cfg, disk{})
		for _, rec := range part {
			s.put(t, rec)
		}
		s.stop()
	}
	return dir
}

const groupOfOne = frameSize + tagSize + 1 + len("record-0000")

func change(t *testing.T, path string, edit func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, edit(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const third = headerSize + 3*groupOfOne // where the fourth group begins

// withTombstone seals a tombstone into the fourth group.
func withTombstone(b []byte) []byte {
	_, aead, _ := decodeHeader(b, testKey)
	f, _ := decodeFrame(b[third:])
	plain := appendTombstone(nil, int(f.length)-tagSize)
	copy(b[third:], sealFrame(nil, aead, f, plain))
	return b
}

// resum puts a right checksum under a wrong field.
func resum(b []byte, at, n int) {
	binary.BigEndian.PutUint32(b[at+n-4:], crc32.Checksum(b[at:at+n-4], castagnoli))
}

// damageCase is one kind of damage to one of the three segments.
type damageCase struct {
	segment int // 0, 1, 2
	edit    func(b []byte) []byte
	want    []string
	damage  Damage
	aside   bool
	torn    int
}

var damageCases = map[string]damageCase{
	"torn_last_record":  {segment: 2, edit: func(b []byte) []byte { return b[:len(b)-3] }, want: names(0, 22), torn: 1},
	"torn_header":       {segment: 2, edit: func(b []byte) []byte { return b[:headerSize-9] }, want: names(0, 20), torn: 1},
	"torn_frame_header": {segment: 2, edit: func(b []byte) []byte { return b[:headerSize+2*groupOfOne+5] }, want: names(0, 22), torn: 1},
	"zero_tail":         {segment: 2, edit: func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, want: names(0, 23), torn: 1},
	"bad_checksum_middle": {
		segment: 1, edit: func(b []byte) []byte { b[third+frameSize+2] ^= 4; return b },
		want: append(names(0, 13), names(20, 23)...), damage: DamageChecksum, aside: true,
	},
	"bad_checksum_last": {
		segment: 2, edit: func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		want: names(0, 22), damage: DamageChecksum, aside: true,
	},
	"bad_length": {
		segment: 1, edit: func(b []byte) []byte {
			binary.BigEndian.PutUint32(b[third+4:], 1<<31)
			resum(b, third, frameSize)
			return b
		},
		want: append(names(0, 13), names(20, 23)...), damage: DamageLength, aside: true,
	},
	"bad_version": {
		segment: 1, edit: func(b []byte) []byte { b[11] = 9; resum(b, 0, headerSize); return b },
		want: append(names(0, 10), names(20, 23)...), damage: DamageVersion, aside: true,
	},
	"bad_group_version": {
		segment: 1, edit: func(b []byte) []byte { b[third+3] = 9; resum(b, third, frameSize); return b },
		want: append(names(0, 13), names(20, 23)...), damage: DamageVersion, aside: true,
	},
	"bad_seal": {
		segment: 1, edit: func(b []byte) []byte {
			b[third+frameSize+2] ^= 4
			sum := crc32.Checksum(b[third+frameSize:third+groupOfOne], castagnoli)
			binary.BigEndian.PutUint32(b[third+28:], sum)
			resum(b, third, frameSize)
			return b
		},
		want: append(names(0, 13), names(20, 23)...), damage: DamageSeal, aside: true,
	},
	"tombstone_in_version_1": { // only a rewritten segment has them
		segment: 1, edit: func(b []byte) []byte { return withTombstone(b) },
		want: append(names(0, 13), names(20, 23)...), damage: DamageLength, aside: true,
	},
	"repeated_group": {
		segment: 1, edit: func(b []byte) []byte { copy(b[third:], b[headerSize:headerSize+groupOfOne]); return b },
		want: append(names(0, 13), names(20, 23)...), damage: DamageOrder, aside: true,
	},
	"short_middle": {
		segment: 1, edit: func(b []byte) []byte { return b[:third] },
		want: append(names(0, 13), names(20, 23)...), damage: DamageShort,
	},
	"empty_file": {
		segment: 1, edit: func([]byte) []byte { return nil },
		want: append(names(0, 10), names(20, 23)...), damage: DamageHeader, aside: true,
	},
	"empty_segment":   {segment: 2, edit: func(b []byte) []byte { return b[:headerSize] }, want: names(0, 20)},
	"missing_segment": {segment: 1, want: append(names(0, 10), names(20, 23)...), damage: DamageMissing},
	"given_up_group": { // behind the length that the next header notes
		segment: 1, edit: func(b []byte) []byte { return append(b, b[len(b)-groupOfOne:]...) },
		want: names(0, 23), torn: 1,
	},
}

func TestDamageTable(t *testing.T) {
	for name, c := range damageCases {
		t.Run(name, func(t *testing.T) {
			dir := written(t)
			path := segmentsIn(t, dir)[c.segment]
			if c.edit == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				change(t, path, c.edit)
			}
			for round := range 2 {
				s := start(t, smallConfig(dir), disk{})
				checkDamage(t, s.Spool, round, c.damage, c.torn)
				if got, _ := s.drain(t); !slices.Equal(got, c.want) {
					t.Fatalf("round %d: got %v\nwant %v", round, got, c.want)
				}
				s.stop()
			}
			if _, err := os.Stat(path + damagedSuffix); (err == nil) != c.aside {
				t.Errorf("set aside: %v, want %v", err == nil, c.aside)
			}
		})
	}
}

// checkDamage: the first Open reports it, the second has nothing left to report
// but that a segment is missing.
func checkDamage(t *testing.T, s *Spool, round int, want Damage, torn int) {
	t.Helper()
	got := DamageNone
	for _, d := range s.Damage() {
		var typed *CorruptError
		if !errors.As(error(d), &typed) || typed.Segment == 0 {
			t.Fatalf("damage is not typed: %v", d)
		}
		got = typed.Damage
	}
	if round == 1 && want != DamageMissing && want != DamageShort {
		want, torn = DamageNone, 0
	}
	if got != want || s.Stats().Torn != torn {
		t.Fatalf("round %d: damage %v torn %d, want %v %d", round, got, s.Stats().Torn, want, torn)
	}
}

func TestWrongKey(t *testing.T) {
	dir := written(t)
	s, err := Open(smallConfig(dir), []byte("ffffffffffffffffffffffffffffffff"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Recovered() != 0 || len(s.Damage()) != 3 || s.Damage()[0].Damage != DamageKey {
		t.Fatalf("recovered %d, damage %v", s.Recovered(), s.Damage())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	aside, _ := filepath.Glob(filepath.Join(dir, "*"+damagedSuffix))
	for _, path := range aside { // with the right key again nothing is lost
		if err := os.Rename(path, path[:len(path)-len(damagedSuffix)]); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := start(t, smallConfig(dir), disk{}).drain(t); !slices.Equal(got, names(0, 23)) {
		t.Fatalf("got %d records back", len(got))
	}
}

func TestDamagedMark(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range names(0, 5) {
		s.put(t, rec)
	}
	b, err := s.Next(t.Context(), 2, 0)
	if err != nil || s.Release(b.Range) != nil {
		t.Fatal(err)
	}
	s.stop()
	change(t, filepath.Join(dir, markName), func(b []byte) []byte { b[15] ^= 1; return b })
	s = start(t, smallConfig(dir), disk{})
	if len(s.Damage()) != 1 || s.Damage()[0].Damage != DamageMark {
		t.Fatalf("damage %v", s.Damage())
	}
	if got, _ := s.drain(t); !slices.Equal(got, names(0, 5)) {
		t.Fatalf("got %v", got)
	}
}

// TestEveryBitFlip: whatever byte of a segment is damaged, no record is returned
// that was not put, and the ones before the damage are.
func TestEveryBitFlip(t *testing.T) {
	whole := segmentsIn(t, written(t))[2]
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	base, dir := filepath.Base(whole), t.TempDir()
	for i := range b {
		sub := filepath.Join(dir, "s")
		bad := slices.Clone(b)
		bad[i] ^= 1 << (i % 8)
		if err := errors.Join(os.MkdirAll(sub, 0o700), os.WriteFile(filepath.Join(sub, base), bad, 0o600)); err != nil {
			t.Fatal(err)
		}
		s, err := Open(smallConfig(sub), testKey)
		if err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		got, _ := s.drain(t)
		if before := max(0, (i-headerSize)/groupOfOne); !slices.Equal(got, names(20, 20+before)) || len(s.Damage()) == 0 {
			t.Fatalf("byte %d: got %v, damage %v", i, got, s.Damage())
		}
		if err := errors.Join(s.Close(), os.RemoveAll(sub)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCrashAtEveryByte cuts the file that is being written at each byte: every
// record whose group was whole is there.
func TestCrashAtEveryByte(t *testing.T) {
	dir := written(t)
	last := segmentsIn(t, dir)[2]
	b, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(b) + 1 {
		sub := copyDir(t, dir)
		if err := os.Truncate(filepath.Join(sub, filepath.Base(last)), int64(n)); err != nil {
			t.Fatal(err)
		}
		s, err := Open(smallConfig(sub), testKey)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		got, _ := s.drain(t)
		if whole := max(0, (n-headerSize)/groupOfOne); !slices.Equal(got, names(0, 20+whole)) || len(s.Damage()) != 0 {
			t.Fatalf("cut at %d: got %d records, damage %v", n, len(got), s.Damage())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDamageWhileRunning(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range names(0, 10) {
		s.put(t, rec)
	}
	change(t, segmentsIn(t, dir)[0], func(b []byte) []byte { b[headerSize+4*groupOfOne+frameSize] ^= 1; return b })
	got, damage := s.drain(t)
	var typed *CorruptError
	if !slices.Equal(got, names(0, 4)) || len(damage) != 1 || !errors.As(damage[0], &typed) || typed.Lost != 6 {
		t.Fatalf("got %v, damage %v", got, damage)
	}
	s.put(t, "goes on")
	if got, _ := s.drain(t); !slices.Equal(got, []string{"goes on"}) {
		t.Fatalf("got %v", got)
	}
	if _, err := os.Stat(segmentsIn(t, dir)[0] + damagedSuffix); err != nil {
		t.Fatal(err)
	}
}
