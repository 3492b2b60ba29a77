package dashboards

// Keys is about the keyholder: who asks it what, what it refuses and how old its
// keys are.
func Keys() Dashboard {
	return Dashboard{
		UID: "zgoda-keys", Title: "Zgoda: keys",
		Description: "Calls to the keyholder by role, what it refuses, reveals and incidents, the ages of keys and certificates, and the vault.",
		Rows: []Row{
			{"Calls", callPanels()},
			{"Refusals and reveals", refusalPanels()},
			{"Keys and certificates", agePanels()},
			{"Vault", vaultPanels()},
		},
	}
}

func callPanels() []Panel {
	return []Panel{
		{
			Title: "Calls by role and act", Kind: Graph, Unit: Requests, Width: 8, Levels: anyValue(), NoLimit: "quotas bound it", Min: number(0),
			Description: "Calls that the keyholder answers in a second, by the caller's role and what it asks for. Idle is a gateway's question whether there is work.",
			Queries:     []Query{ask("{{role}} {{act}}", each("role, act", kept("zgoda_keyholder_calls_total"))+" > 0")},
		},
		{
			Title: "Calls not done", Kind: Graph, Unit: Requests, Width: 8, Levels: none(0.01), Min: number(0),
			Description: "Calls that were refused or failed, in a second, by role and outcome.",
			Queries:     []Query{ask("{{role}} {{outcome}}", each("role, outcome", kept("zgoda_keyholder_calls_total", `outcome!="done"`)))},
		},
		{
			Title: "Identifiers asked about", Kind: Graph, Unit: Events, Width: 8, Levels: anyValue(), NoLimit: "quotas bound it", Min: number(0),
			Description: "Identifiers that gateways and people asked about, in a second, by role, and those that nobody had.",
			Queries: []Query{
				ask("{{role}}", each("role", kept("zgoda_keyholder_rows_total"))),
				ask("{{role}}, not there", each("role", kept("zgoda_keyholder_unknown_total"))),
			},
		},
		{
			Title: "Answering time in the keyholder, 99 %", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(0.05, 0.5), Min: number(0),
			Description: "The time that 99 of 100 calls stay below inside the keyholder, by act. Idle calls wait for work by design and are left out.",
			Queries:     []Query{ask("{{act}}", quantile(0.99, "act", kept("zgoda_keyholder_serve_seconds", `act!="idle"`))+" >= 0")},
		},
		{
			Title: "Time of calls at the gateway, 99 %", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(0.05, 0.5), Min: number(0),
			Description: "The time that 99 of 100 calls stay below as the gateway sees them, the way included, by act.",
			Queries:     []Query{ask("{{act}}", quantile(0.99, "act", at("zgoda_keyholder_call_seconds", `act!="idle"`))+" >= 0")},
		},
		{
			Title: "Batch sizes", Kind: Graph, Unit: Number, Width: 8, Levels: anyValue(), NoLimit: "batches grow with the load, by design", Min: number(0),
			Description: "Identifiers in a call, by role: half of the calls have fewer than the first line, 99 of 100 fewer than the second.",
			Queries: []Query{
				ask("{{role}}, half", quantile(0.5, "role", kept("zgoda_keyholder_batch_rows"))+" >= 0"),
				ask("{{role}}, 99 of 100", quantile(0.99, "role", kept("zgoda_keyholder_batch_rows"))+" >= 0"),
			},
			Empty: "the keyholder was asked about nobody within the span",
		},
	}
}

func refusalPanels() []Panel {
	lately := func(labels, selector string) string { return by(labels, "increase("+selector+"[15m])") }
	return []Panel{
		{
			Title: "Refused callers", Kind: Graph, Unit: Number, Width: 8, Levels: none(1), Min: number(0),
			Description: "Calls and callers that were refused within a quarter of an hour, by why. A wrong peer, certificate or role is somebody who should not be there.",
			Queries:     []Query{ask("{{why}}", lately("why", kept("zgoda_keyholder_refused_total")))},
		},
		{
			Title: "Quotas used up", Kind: Graph, Unit: Number, Width: 8, Levels: none(1), Min: number(0),
			Description: "Batches that were refused within a quarter of an hour since a quota was used up, by role and limit. Somebody guesses identifiers, or there is more load than the quota was made for.",
			Queries:     []Query{ask("{{role}} {{limit}}", lately("role, limit", kept("zgoda_keyholder_quota_refused_total")))},
		},
		{
			Title: "Reveals", Kind: Graph, Unit: Number, Width: 8, Levels: upTo(20, 100), Min: number(0),
			Description: "Times within an hour that somebody asked to see who a pseudonym is, by outcome. Waiting ones want a second person.",
			Queries:     []Query{ask("{{outcome}}", "sum by (outcome) (increase("+kept("zgoda_keyholder_reveals_total")+"[1h]))")},
		},
		{
			Title: "Incident drafts by kind", Kind: Bars, Unit: Plain, Width: 8, Levels: none(1), Min: number(0),
			Description: "Incidents that the keyholder suspects, within three days. Each has a draft: zgoda keys incidents.",
			Queries:     []Query{askNow("{{kind}}", "ceil(sum by (kind) (increase("+kept("zgoda_keyholder_incident_drafts_total")+"[3d])))")},
		},
		{
			Title: "Keyholder away", Kind: Graph, Unit: Seconds, Width: 8, Levels: upTo(1, 5), Min: number(0),
			Description: "How long the keyholder has not answered, as each gateway sees it. Events that need it are sealed or refused meanwhile.",
			Queries:     []Query{ask("{{instance}}", at("zgoda_keyholder_away_seconds"))},
		},
		{
			Title: "Panics", Kind: Stat, Unit: Plain, Width: 8, Levels: none(1),
			Description: "Calls of the last day whose handling failed by a fault of ours.",
			Queries:     []Query{ask("panics", "ceil(sum(increase("+kept("zgoda_keyholder_panics_total")+"[1d])))")},
		},
	}
}

func agePanels() []Panel {
	return []Panel{
		{
			Title: "Ages of keys", Kind: Bars, Unit: Seconds, Width: 8, Levels: upTo(400*86400, 800*86400), Min: number(0),
			Description: "How old the version of each key is that is in use. Keys that are made for a month or a year are not among them: each ends by itself.",
			Queries:     []Query{askNow("{{key}}", "sort_desc("+highest("key", kept("zgoda_keyholder_key_age_seconds", `key!~".*-[0-9]{4,6}"`))+")")},
		},
		{
			Title: "Salts sealed anew", Kind: Stat, Unit: Seconds, Width: 4, Levels: upTo(90000, 100000),
			Description: "How long ago salts and contacts' keys were last sealed under a new slot key, which is each night. Until then what was deleted is still readable in copies.",
			Queries:     []Query{ask("ago", highest("", kept("zgoda_keyholder_rewrap_age_seconds")))},
		},
		{
			Title: "Key-encryption key", Kind: Stat, Unit: Plain, Width: 4, Levels: none(1), Words: map[int]string{0: "reached", 1: "not reached"},
			Description: "Whether the key-encryption key that the keys are wrapped by now is reached by every keyholder.",
			Queries:     []Query{ask("kek", highest("", kept("zgoda_keyholder_kek_unreached")))},
		},
		{
			Title: "Rotation", Kind: Graph, Unit: Ratio, Width: 8, Levels: anyValue(), NoLimit: "it goes to its end by itself", Min: number(0), Max: number(1),
			Description: "How much of a rotation under way is done, by key.",
			Queries:     []Query{ask("{{key}}", highest("key", kept("zgoda_keyholder_rotation_progress")))},
			Empty:       "no key is being rotated",
		},
		{
			Title: "Certificates", Kind: Graph, Unit: Ratio, Width: 12, Levels: atLeast(0.1, 0.25), Min: number(0), Max: number(1),
			Description: "How much of the life of the gateway's certificates for the keyholder is left. They are renewed at half of it.",
			Queries:     []Query{ask("{{role}} {{instance}}", share(at("zgoda_certificate_expires_seconds"), at("zgoda_certificate_life_seconds")))},
			Empty:       "the keyholder runs on the same machine, behind a socket",
		},
		{
			Title: "Rewriting", Kind: Graph, Unit: Plain, Width: 12, Levels: upTo(100, 1000), Min: number(0),
			Description: "Partitions that a purpose key's rotation has still to rewrite, and attempts of it that failed within the hour.",
			Queries: []Query{
				ask("partitions left", highest("", at("zgoda_rekey_left_partitions"))),
				ask("failed", "sum(increase("+at("zgoda_rekey_failures_total")+"[1h]))"),
			},
		},
	}
}

func vaultPanels() []Panel {
	return []Panel{
		{
			Title: "Contacts", Kind: Graph, Unit: Number, Width: 8, Levels: anyValue(), NoLimit: "how many there are is up to the people", Min: number(0),
			Description: "Contacts in the vault, blinded identifiers that lead to them, and identifiers of the erased that late events are known by for 30 days.",
			Queries: []Query{
				ask("contacts", highest("", kept("zgoda_keyholder_contacts"))), ask("identifiers", highest("", kept("zgoda_keyholder_identifiers"))),
				ask("of the erased", highest("", kept("zgoda_keyholder_tombstones"))),
			},
		},
		{
			Title: "Contacts made", Kind: Graph, Unit: Events, Width: 8, Levels: anyValue(), NoLimit: "quotas bound it", Min: number(0),
			Description: "Contacts that were made, in a second.",
			Queries:     []Query{ask("made", each("", kept("zgoda_keyholder_minted_total")))},
		},
		{
			Title: "Memory of salts", Kind: Graph, Unit: Bytes, Width: 8, Levels: anyValue(), NoLimit: "it grows with the contacts", Min: number(0),
			Description: "Memory of the contacts' salts, and how much of it is locked. What is not locked could be written to swap.",
			Queries: []Query{
				ask("salts {{instance}}", kept("zgoda_keyholder_table_bytes")), ask("locked {{instance}}", kept("zgoda_keyholder_locked_bytes")),
			},
		},
	}
}
