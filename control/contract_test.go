package control

import (
	"path/filepath"
	"strings"
	"testing"

	"zgoda/control/pgtest"
)

// contract is what every store guarantees, whatever database it is in.
var contract = []struct {
	name string
	run  func(t *testing.T, cfg Config)
}{
	{"AppendAppliesEveryState", contractAppendAppliesEveryState},
	{"RefusalsReachLinkedVisitorsAndGrantsDoNot", contractRefusalsReachLinkedVisitorsAndGrantsDoNot},
	{"AppendIsIdempotentByKey", contractAppendIsIdempotentByKey},
	{"AppendIsAllOrNothing", contractAppendIsAllOrNothing},
	{"ConcurrentAppendsAreOneChain", contractConcurrentAppendsAreOneChain},
	{"RestartKeepsEverything", contractRestartKeepsEverything},
	{"RecordsInOneBatch", contractRecordsInOneBatch},
	{"History", contractHistory},
	{"I2ConflictCarriesRefusals", contractI2ConflictCarriesRefusals},
	{"ConflictIsWrittenOnce", contractConflictIsWrittenOnce},
	{"OneChangeOfTwoConflictingContacts", contractOneChangeOfTwoConflictingContacts},
	{"ManyTiesAreBounded", contractManyTiesAreBounded},
	{"RecordsOfAnyNumber", contractRecordsOfAnyNumber},
	{"RecordsAfterClose", contractRecordsAfterClose},
	{"TokenErrorsRefuse", contractTokenErrorsRefuse},
	{"Tokens", contractTokens},
	{"VerifyNamesTheFirstBadEntry", contractVerifyNamesTheFirstBadEntry},
	{"VerifySince", contractVerifySince},
	{"Strangers", contractStrangers},
	{"VerifyAfterErasure", contractVerifyAfterErasure},
	{"VerifyAgainstAnchors", contractVerifyAgainstAnchors},
	{"VerifyLongLedger", contractVerifyLongLedger},
	{"CountriesAndMinors", contractCountriesAndMinors},
	{"OptOut", contractOptOut},
	{"EndOfAGrant", contractEndOfAGrant},
	{"Export", contractExport},
	{"Anchored", contractAnchored},
	{"Links", contractLinks},
	{"GrantsEnd", contractGrantsEnd},
	{"TheClockEndsOneGrant", contractTheClockEndsOneGrant},
	{"ThePastUndoesNothing", contractThePastUndoesNothing},
	{"SignalsAtTheChoice", contractSignalsAtTheChoice},
	{"Texts", contractTexts},
	{"TextsChange", contractTextsChange},
	{"TextDamaged", contractTextDamaged},
	{"StoreFromBeforeADPC", contractStoreFromBeforeADPC},
	{"Requests", contractRequests},
	{"RequestsChange", contractRequestsChange},
	{"RequestsRace", contractRequestsRace},
	{"RequestTasks", contractRequestTasks},
	{"RequestsCounted", contractRequestsCounted},
	{"LeaseAndNodes", contractLeaseAndNodes},
	{"Batches", contractBatches},
	{"Windows", contractWindows},
	{"LinkedAnew", contractLinkedAnew},
	{"ForgetSubjects", contractForgetSubjects},
	{"Outbox", contractOutbox},
	{"OutboxOrder", contractOutboxOrder},
	{"Complete", contractComplete},
	{"OpenDSR", contractOpenDSR},
	{"Automated", contractAutomated},
	{"Unlinked", contractUnlinked},
	{"Reaches", contractReaches},
	{"Concealed", contractConcealed},
	{"Journal", contractJournal},
	{"Retention", contractRetention},
	{"Backup", contractBackup},
	{"Agreements", contractAgreements},
	{"Exported", contractExported},
}

// TestContract runs the contract over SQLite and over PostgreSQL.
func TestContract(t *testing.T) {
	for _, c := range contract {
		t.Run("sqlite/"+c.name, func(t *testing.T) { c.run(t, config(t)) })
	}
	server := pgtest.Start(t)
	for _, c := range contract {
		t.Run("postgres/"+c.name, func(t *testing.T) { c.run(t, postgresConfig(t, server)) })
	}
}

// postgresConfig is of an empty database of its own.
func postgresConfig(t *testing.T, server *pgtest.Server) Config {
	t.Helper()
	cfg := config(t)
	cfg.Address = server.Database(t)
	return cfg
}

// another returns the settings of one more empty store: a file, or a database of
// the same server.
func another(t *testing.T, cfg Config) Config {
	t.Helper()
	if cfg.Address == "" {
		cfg.Path = filepath.Join(t.TempDir(), "control.db")
		return cfg
	}
	cfg.Address = pgtest.Beside(t, cfg.Address)
	return cfg
}

// file returns the SQLite side of a store.
func file(t *testing.T, s *Store) *sqlite {
	t.Helper()
	d, ok := s.db.(*sqlite)
	if !ok {
		t.Fatal("not in a file")
	}
	return d
}

// say runs a statement of SQLite's on the store, whatever database it is in.
func say(t *testing.T, s *Store, query string) {
	t.Helper()
	if s.Shared() {
		query = strings.NewReplacer(
			"zeroblob(32)", "decode(repeat('00', 32), 'hex')", "zeroblob(40)", "decode(repeat('00', 40), 'hex')",
			"zeroblob(3)", "decode('000000', 'hex')", "zeroblob(4)", "decode('00000000', 'hex')", "x'00'", "decode('00', 'hex')",
		).Replace(query)
	}
	if _, err := s.db.changes().ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
