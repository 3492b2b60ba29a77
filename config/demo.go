package config

// Demo returns the site of --demo: write key "demo-key", for clients on loopback
// only. Without origins it lists those of the default public address.
func Demo(origins ...string) SiteConfig {
	if len(origins) == 0 {
		origins = []string{"http://127.0.0.1:8080", "http://localhost:8080"}
	}
	return SiteConfig{
		ID:      "demo",
		Keys:    Keys{Public: []string{"demo-key"}},
		Origins: origins,
		Controller: Controller{
			Name: "Quiet Desk Ltd.", Address: "1 Example Street, Bratislava", Establishment: "SK", Contact: "dpo@shop.example",
		},
		Purposes: []PurposeConfig{
			{
				ID: "measurement", Kind: "measurement", Basis: "legitimate_interest", TerminalAccess: accessNone, Retention: "25mo",
				Text: map[string]string{
					"en": "We count visits without knowing whose they are.",
					"pl": "Liczymy wizyty, nie wiedząc, czyje są.",
					"sk": "Počítame návštevy bez toho, aby sme vedeli, čie sú.",
				},
			},
			demoPurpose("analytics",
				"May we see how you use the shop, under a pseudonym that changes every month, to make it better?",
				"Czy możemy obserwować, jak korzystasz ze sklepu, pod pseudonimem zmienianym co miesiąc, aby go ulepszać?",
				"Smieme sledovať, ako používate obchod, pod pseudonymom, ktorý sa každý mesiac mení, aby sme ho zlepšili?"),
			demoPurpose("profiling",
				"May we remember what interests you, under a lasting pseudonym, to suggest what may suit you?",
				"Czy możemy zapamiętać, co Cię interesuje, pod trwałym pseudonimem, aby podpowiadać, co może Ci odpowiadać?",
				"Smieme si pod trvalým pseudonymom zapamätať, čo vás zaujíma, aby sme vám navrhli, čo by sa vám mohlo hodiť?"),
			demoPurpose("marketing",
				"May we use what you do in the shop to choose offers that we send you?",
				"Czy możemy wykorzystać to, co robisz w sklepie, do wyboru ofert, które Ci wysyłamy?",
				"Smieme použiť to, čo robíte v obchode, na výber ponúk, ktoré vám posielame?"),
		},
		Properties: Allow{Keep: []string{"sku", "name", "category", "price", "currency", "quantity", "value", "total", "plan"}},
		Query:      Allow{Keep: []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"}},
		loopback:   true,
	}
}

func demoPurpose(id, en, pl, sk string) PurposeConfig {
	return PurposeConfig{
		ID: id, Kind: id, Basis: "consent", Retention: "13mo",
		Text: map[string]string{"en": en, "pl": pl, "sk": sk},
	}
}
