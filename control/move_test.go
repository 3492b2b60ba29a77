package control

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/export"
	"zgoda/control/ledger"
	"zgoda/control/pgtest"
	"zgoda/event"
)

// lived makes a store in a file in which there is something in every table, and
// closes it. The token is good.
func lived(t *testing.T, cfg Config) (token string) {
	t.Helper()
	cfg.Address = ""
	s := open(t, cfg)
	keyed := entry(handle(1), ledger.StateGiven, "analytics")
	keyed.Key, keyed.Until = "once", keyed.At.AddDate(1, 0, 0)
	appendAll(t, s, keyed, entry(handle(1), ledger.StateWithdrawn, "analytics"), entry(handle(2), ledger.StateProfilingOff, ""))
	if _, err := s.Link(t.Context(), site, handle(1), handle(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetCountry(t.Context(), site, handle(1), "US-CA", "ana", "letter"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetMinor(t.Context(), site, handle(2), time.Now().AddDate(3, 0, 0), "ana", "letter"); err != nil {
		t.Fatal(err)
	}
	conflict := entry(handle(1), ledger.StateConflict, "")
	conflict.Linked = handle(2)
	appendAll(t, s, conflict)
	for i := range 2500 { // more than one step of every reader
		appendAll(t, s, entry(handle(byte(10+i%200)), ledger.StateGiven, event.PurposeID(fmt.Sprint("purpose-", i%7))))
	}
	token, err := s.CreateToken(t.Context(), RoleAnalyst, "reports")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddLink(t.Context(), Link{Hash: [32]byte{7}, Site: site, Subject: handle(1), Requested: 1, Created: time.Now(), Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := s.KeepTexts(t.Context(), []Text{shown(1), shown(2)}); err != nil {
		t.Fatal(err)
	}
	sign(t, s)
	if err := s.SetAnchored(t.Context(), "file", s.Writer(), 9); err != nil {
		t.Fatal(err)
	}
	for _, row := range rightsRows {
		say(t, s, row)
	}
	say(t, s, `UPDATE parts SET reason = NULL WHERE sequence = 3`) // as an erasure leaves it
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return token
}

// rightsRows are one row for each table about requests of data subjects.
var rightsRows = []string{
	`INSERT INTO request (id, site, kind, mode, scope, origin, state, handle, visitor, received_micros, deadline_micros, extended_micros, extension,
		told_micros, paused_micros, paused_days, proof, proof_by, proof_micros, actor, reason, ground, duplicate_of, undo_micros, cutoff_micros, fence,
		step, batch, attempts, next_micros, error, horizon_micros, done_micros, imported, revision)
		VALUES (x'01', 'shop', 'erasure', 'erase', '', 'letter', 'in_progress', x'02', FALSE, 1, 2, 0, '', 0, 0, 0, 'operator', 'ana', 3, 'ana', 'letter', '',
		NULL, 0, 4, 5, 'fenced', x'03', 0, 0, '', 0, 0, FALSE, 1)`,
	`INSERT INTO request_task VALUES (x'01', 'events', 'waiting', 7, -1, 0, 0, '', '')`,
	`INSERT INTO request_history VALUES (41, x'01', 1, 'ana', 'open', '', 'pending', '')`,
	`INSERT INTO request_review VALUES (x'01', 'eva', 2, 'yes')`,
	`INSERT INTO erase_batch VALUES (x'03', 'gate-1', 'drained', 1, 2, 1, '[]', 0, 0, '')`,
	`INSERT INTO erase_handle VALUES (x'01', x'02', 'shop')`,
	`INSERT INTO erase_ack VALUES (x'03', 'gate-1', 0, 3)`,
	`INSERT INTO node VALUES ('gate-1', 1, 2, FALSE)`,
	`INSERT INTO lease VALUES ('erasure', 'gate-1', 3)`,
	`INSERT INTO erased VALUES ('shop', x'04', 5)`,
	`INSERT INTO reach VALUES (x'05', 'shop', x'06', 'withdrawn', 1, 'erase', NULL, 7, 'waiting', NULL, 1, 0, 0)`,
	`INSERT INTO follower VALUES ('reach', 7)`,
	`INSERT INTO erasure_journal VALUES (x'07', 1, 2, x'08')`,
	`INSERT INTO retention_run VALUES (1, '{}')`,
	`INSERT INTO retention_stamp VALUES ('shop', 'analytics', '13mo', 'done', 1)`,
	`INSERT INTO outbox VALUES (x'09', 'art19', x'01', 'mailer', '{}', 'waiting', 0, 0, 9, 0, '')`,
	`INSERT INTO certificate VALUES (x'0a', 1, '{}')`,
	`INSERT INTO opendsr VALUES ('id', 'acme', x'01', x'0b', '[]', 'pending', 1, 2)`,
	`INSERT INTO agreement VALUES ('shop', x'0c', x'0d', 'contract', 1, 0)`,
	`INSERT INTO exported VALUES (x'01', 1, 'ana', 'json', '', 3)`,
}

// sign saves a checkpoint over the head of the store's chain.
func sign(t *testing.T, s *Store) {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, checkpoint.Origin("zgoda", s.Writer()))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := checkpoint.Checkpoint{Origin: signer.Name(), Head: head, At: time.Now().UTC().Truncate(time.Second)}
	msg, err := checkpoint.Sign(&c, signer)
	if err == nil {
		err = s.SaveCheckpoint(t.Context(), c, msg)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// exportOf is the whole ledger as a file.
func exportOf(t *testing.T, s *Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(t.Context(), &b, s, time.Unix(1_800_000_000, 0)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func moveConfig(t *testing.T, address string) Config {
	t.Helper()
	cfg := named(t, address, "gate-1")
	cfg.Timeout = 30 * time.Second
	return cfg
}

// TestMove: what is in the file is in the database, to the byte where it can be
// read, and the node goes on there with its own chain. The file stays.
func TestMove(t *testing.T) {
	cfg := moveConfig(t, pgtest.Start(t).Database(t))
	token := lived(t, cfg)
	m, err := Move(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Heads) != 1 || m.Heads[0].Writer != "gate-1" || m.Rows["ledger"] != int64(m.Heads[0].Number) {
		t.Errorf("%v", m)
	}
	for name, n := range m.Rows {
		if n == 0 {
			t.Errorf("the test has nothing in the table %s", name)
		}
	}
	own := cfg
	own.Address = ""
	before, after := mustOpen(t, own), mustOpen(t, cfg)
	if exportOf(t, before) != exportOf(t, after) {
		t.Error("the exports differ")
	}
	for n := range byte(20) {
		f, g := found(t, before, Lookup{Handle: handle(n)}), found(t, after, Lookup{Handle: handle(n)})
		if f.Record != g.Record || fmt.Sprint(f.Contacts) != fmt.Sprint(g.Contacts) {
			t.Errorf("the records of %d differ", n)
		}
	}
	if _, ok, err := after.CheckToken(t.Context(), token); !ok || err != nil {
		t.Errorf("the token: %v, %v", ok, err)
	}
	if _, there, err := after.FindLink(t.Context(), [32]byte{7}); !there || err != nil {
		t.Errorf("the link: %v, %v", there, err)
	}
	again := entry(handle(1), ledger.StateGiven, "analytics")
	again.Key = "once"
	if c := appendAll(t, after, again); c.Sequence != 1 {
		t.Errorf("an entry with a key was written again, as %d", c.Sequence)
	}
	if c := appendAll(t, after, entry(handle(1), ledger.StateGiven, "analytics")); c.Sequence != m.Heads[0].Sequence+1 {
		t.Errorf("the next entry has %d", c.Sequence)
	}
	if heads, err := after.Verify(t.Context(), m.Heads...); err != nil || heads[0].Number != m.Heads[0].Number+1 {
		t.Errorf("afterwards: %v", err)
	}
	addRequests(t, after, aRequest(1, RightAccess))
	var number int64
	if err := after.db.plain().QueryRowContext(t.Context(), `SELECT max(number) FROM request_history`).Scan(&number); err != nil || number != 42 {
		t.Errorf("the history of requests goes on at %d: %v", number, err)
	}
}

// TestMoveRefuses: nothing is moved from nowhere, from a store that is in use or
// was altered, to where something is, or where a gateway runs.
func TestMoveRefuses(t *testing.T) {
	server := pgtest.Start(t)
	cfg := moveConfig(t, server.Database(t))
	refused := func(what string, cfg Config, want error) {
		t.Helper()
		if _, err := Move(t.Context(), cfg); !errors.Is(err, want) || strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("no file", cfg, ErrNothingToMove)
	if _, err := os.Stat(filepath.Dir(cfg.Path)); err == nil {
		t.Error("a folder was made")
	}
	lived(t, cfg)
	own := cfg
	own.Address = ""
	running := open(t, own)
	refused("the gateway runs", cfg, ErrInUse)
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	other := cfg
	other.Node = "gate-2"
	there := mustOpen(t, other)
	refused("another gateway runs there", cfg, ErrGatewayThere)
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	there = mustOpen(t, cfg)
	refused("a gateway of the name runs there", cfg, ErrNodeTaken)
	if _, err := there.CreateToken(t.Context(), RoleAnalyst, "reports"); err != nil {
		t.Fatal(err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	refused("a token is there", cfg, ErrNotEmpty)
	fresh := cfg
	fresh.Address = server.Database(t)
	if _, err := Move(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	refused("moved already", fresh, ErrNotEmpty)
	altered := open(t, own)
	say(t, altered, `UPDATE ledger SET locale = 'xx' WHERE sequence = 2`)
	if err := altered.Close(); err != nil {
		t.Fatal(err)
	}
	fresh.Address = server.Database(t)
	if _, err := Move(t.Context(), fresh); err == nil || !strings.Contains(err.Error(), "sequence 2") {
		t.Errorf("an altered ledger: %v", err)
	}
}

// TestAMoveThatFailsLeavesNothing: it is cut off in the middle, fails, and works
// when it is tried again.
func TestAMoveThatFailsLeavesNothing(t *testing.T) {
	server := pgtest.Start(t)
	cfg := moveConfig(t, server.Database(t))
	lived(t, cfg)
	own := cfg
	own.Address = ""
	broken := open(t, own)
	// PostgreSQL refuses a text of a table that is copied after the ledger.
	say(t, broken, `INSERT INTO token VALUES ('bad', x'00', 'analyst', 'a' || char(0) || 'b', 1, 0, '')`)
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Move(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the table token") {
		t.Fatalf("a text that PostgreSQL cannot keep: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Move(gone, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	mended := open(t, own)
	say(t, mended, `DELETE FROM token WHERE id = 'bad'`)
	if err := mended.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Move(t.Context(), cfg); err != nil {
		t.Errorf("tried again: %v", err)
	}
}
