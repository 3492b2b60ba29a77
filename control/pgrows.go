package control

import (
	"github.com/jackc/pgx/v5/pgtype"

	"zgoda/control/ledger"
)

type pgInt8 = pgtype.Int8

// putLedgerRows says the entries of a batch, a list for each column.
func putLedgerRows(s *bunch, rows []ledger.Stored) {
	n := len(rows)
	if n == 0 {
		return
	}
	var (
		sequences, numbers, versions, at, until                                  = make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
		writers, sites, purposes, states, kinds, channels, surfaces, locales, by = make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
		texts, keys, commitments, previous, hashes                               = make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
		gpc, dnt, adpc, guardian                                                 = make([]bool, n), make([]bool, n), make([]bool, n), make([]bool, n)
	)
	for i := range rows {
		e := &rows[i]
		sequences[i], numbers[i], versions[i] = int64(e.Sequence), int64(e.Number), int64(e.PurposeVersion)
		at[i], until[i] = ledger.Micros(e.At), ledger.Micros(e.Until)
		writers[i], sites[i], purposes[i] = string(e.Writer), string(e.Site), string(e.Purpose)
		states[i], kinds[i], by[i] = e.State.String(), e.Type.String(), e.Proof.String()
		channels[i], surfaces[i], locales[i] = e.Channel, e.Surface, e.Locale
		gpc[i], dnt[i], adpc[i], guardian[i] = e.GPC, e.DNT, e.ADPC, e.Guardian
		texts[i], commitments[i], previous[i], hashes[i] = e.TextHash[:], packCommitments(e), e.Previous[:], e.Hash[:]
		if e.KeyHash != ([32]byte{}) {
			keys[i] = e.KeyHash[:]
		}
	}
	s.ask(nil, `INSERT INTO ledger (sequence, writer, number, site, purpose, purpose_version, text_hash, state, event_type, channel,
		surface, locale, gpc, dnt, adpc, guardian, proof, at_micros, until_micros, key_hash, commitments, previous, hash)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::text[], $9::text[],
		$10::text[], $11::text[], $12::text[], $13::bool[], $14::bool[], $15::bool[], $16::bool[], $17::text[], $18::bigint[], $19::bigint[],
		$20::bytea[], $21::bytea[], $22::bytea[], $23::bytea[])`,
		sequences, writers, numbers, sites, purposes, versions, texts, states, kinds, channels, surfaces, locales, gpc, dnt, adpc, guardian, by,
		at, until, keys, commitments, previous, hashes)
}

func putPartRows(s *bunch, rows []ledger.Stored) {
	n := len(rows)
	if n == 0 {
		return
	}
	sequences := make([]int64, n)
	var columns [ledger.Parts + 1][][]byte
	for c := range columns {
		columns[c] = make([][]byte, n)
	}
	for i := range rows {
		sequences[i] = int64(rows[i].Sequence)
		for c, part := range packParts(&rows[i]) {
			columns[c][i], _ = part.([]byte)
		}
	}
	s.ask(nil, `INSERT INTO parts (sequence, subject, subject_salt, linked, raw_signal, actor, reason, proof_ref, guardian_ref, country)
		SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[],
		$9::bytea[], $10::bytea[])`,
		sequences, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6], columns[7], columns[8])
}

func (b *batch) putChoices(s *bunch) {
	n := len(b.choices)
	if n == 0 {
		return
	}
	sites, purposes, handles := make([]string, 0, n), make([]string, 0, n), make([][]byte, 0, n)
	choices, versions, given, until, sequences := make([]int16, 0, n), make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	dialogue, gpc, dnt, adpc, guardian := make([]bool, 0, n), make([]bool, 0, n), make([]bool, 0, n), make([]bool, 0, n), make([]bool, 0, n)
	for a := range b.choices {
		c := b.facts.choices[a]
		sites, handles, purposes = append(sites, string(a.site)), append(handles, a.handle[:]), append(purposes, string(a.purpose))
		choices, versions = append(choices, int16(c.choice)), append(versions, int64(c.version))
		dialogue, guardian = append(dialogue, c.dialogue), append(guardian, c.guardian)
		gpc, dnt, adpc = append(gpc, c.gpc), append(dnt, c.dnt), append(adpc, c.adpc)
		given, until, sequences = append(given, c.given), append(until, c.until), append(sequences, int64(c.sequence))
	}
	s.ask(nil, `INSERT INTO choice (site, handle, purpose, choice, version, dialogue, gpc, dnt, adpc, guardian, given_micros, until_micros, sequence)
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::smallint[], $5::bigint[], $6::bool[], $7::bool[], $8::bool[], $9::bool[],
		$10::bool[], $11::bigint[], $12::bigint[], $13::bigint[])
		ON CONFLICT (site, handle, purpose) DO UPDATE SET choice = excluded.choice, version = excluded.version, dialogue = excluded.dialogue,
		gpc = excluded.gpc, dnt = excluded.dnt, adpc = excluded.adpc, guardian = excluded.guardian, given_micros = excluded.given_micros,
		until_micros = excluded.until_micros, sequence = excluded.sequence`,
		sites, handles, purposes, choices, versions, dialogue, gpc, dnt, adpc, guardian, given, until, sequences)
}

func (b *batch) putSubjects(s *bunch) {
	if len(b.subjects) == 0 {
		return
	}
	var sites, countries []string
	var handles [][]byte
	var standings []int16
	var off, out, automated []bool
	var minors []int32
	var sequences []int64
	for w := range b.subjects {
		r := b.facts.subjects[w]
		sites, handles, countries = append(sites, string(w.site)), append(handles, w.handle[:]), append(countries, r.country)
		standings, off, out = append(standings, int16(r.standing)), append(off, r.profilingOff), append(out, r.optedOut)
		automated = append(automated, r.automatedOff)
		minors, sequences = append(minors, int32(r.minor)), append(sequences, int64(r.sequence))
	}
	s.ask(nil, `INSERT INTO subject (site, handle, standing, profiling_off, opted_out, country, minor_day, sequence, automated_off)
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::smallint[], $4::bool[], $5::bool[], $6::text[], $7::int[], $8::bigint[], $9::bool[])
		ON CONFLICT (site, handle) DO UPDATE SET standing = excluded.standing, profiling_off = excluded.profiling_off,
		opted_out = excluded.opted_out, country = excluded.country, minor_day = excluded.minor_day, sequence = excluded.sequence,
		automated_off = excluded.automated_off`,
		sites, handles, standings, off, out, countries, minors, sequences, automated)
	for _, w := range b.erased {
		s.ask(nil, `UPDATE parts p SET country = NULL FROM ledger l WHERE p.subject = $1 AND p.country IS NOT NULL
			AND l.sequence = p.sequence AND l.site = $2`, w.handle[:], string(w.site))
	}
}
