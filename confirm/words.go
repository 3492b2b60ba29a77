package confirm

// words are what mails and pages say in one language.
type words struct {
	Language string

	Subject, Intro, Nothing, Press, Once, Ignore string // of the mail
	Title, Asks, Only, Button, Later             string // of the page
	DoneTitle, Done                              string
	GoneTitle, Gone                              string
	AwayTitle, Away                              string
	BusyTitle, Busy                              string

	StopTitle, StopAsks, StopOnly, StopButton, StopLater string // of the page behind a footer's link
	StoppedTitle, Stopped, Unstopped                     string
}

// languages are those that we speak; the first is the one for everybody else.
var languages = []words{
	{
		Language: "en",
		Subject:  "Please confirm your choice",
		Intro:    "Somebody, probably you, asked us to use data about you for this:",
		Nothing:  "Nothing is agreed to until you confirm it.",
		Press:    "To confirm, open this page and press its button:",
		Once:     "The link works once, until",
		Ignore:   "If you did not ask for this, do nothing. No consent is recorded then.",
		Title:    "Confirm your choice",
		Asks:     "would like to use data about you for this:",
		Only:     "You agree by pressing the button, and by nothing else. You can take it back at any time, as easily as you gave it.",
		Button:   "I agree",
		Later:    "If you do not want this, close this page. No consent is recorded then.",

		DoneTitle: "Thank you",
		Done:      "Your choice is recorded. You can take it back at any time.",
		GoneTitle: "This link does not work",
		Gone:      "It may have been used already, may be too old, or is not complete. Ask for a new mail where you asked for this one. Nothing was changed.",
		AwayTitle: "Not now",
		Away:      "Your choice cannot be recorded at the moment. Please open the link again in a few minutes.",
		BusyTitle: "One moment, please",
		Busy:      "Too many requests come from your network. Please open the link again in a minute.",

		StopTitle:    "Do not use my data for this",
		StopAsks:     "uses data about you, or would like to, for this:",
		StopOnly:     "Press the button, and it ends. Nothing else is needed.",
		StopButton:   "Stop this",
		StopLater:    "If you close this page, nothing changes.",
		StoppedTitle: "It has ended",
		Stopped:      "What you took back or objected to is recorded and holds from now on.",
		Unstopped:    "It may be too old or not complete. Take the link of a newer mail, or write to whoever sent it. Nothing was changed.",
	},
	{
		Language: "pl",
		Subject:  "Potwierdź swój wybór",
		Intro:    "Ktoś, zapewne Ty, poprosił nas o wykorzystywanie danych o Tobie w tym celu:",
		Nothing:  "Dopóki tego nie potwierdzisz, na nic nie wyrażasz zgody.",
		Press:    "Aby potwierdzić, otwórz tę stronę i naciśnij przycisk:",
		Once:     "Odnośnik działa jeden raz, do",
		Ignore:   "Jeśli to nie Twoja prośba, nie rób nic. Zgoda nie zostanie wtedy zapisana.",
		Title:    "Potwierdź swój wybór",
		Asks:     "chce wykorzystywać dane o Tobie w tym celu:",
		Only:     "Zgadzasz się, naciskając przycisk, i w żaden inny sposób. Zgodę możesz wycofać w każdej chwili, równie łatwo, jak ją dajesz.",
		Button:   "Zgadzam się",
		Later:    "Jeśli tego nie chcesz, zamknij tę stronę. Zgoda nie zostanie wtedy zapisana.",

		DoneTitle: "Dziękujemy",
		Done:      "Twój wybór został zapisany. Możesz go cofnąć w każdej chwili.",
		GoneTitle: "Ten odnośnik nie działa",
		Gone:      "Być może został już użyty, jest za stary albo niepełny. Poproś o nową wiadomość tam, gdzie prosiłeś o tę. Nic się nie zmieniło.",
		AwayTitle: "Nie teraz",
		Away:      "W tej chwili nie można zapisać Twojego wyboru. Otwórz odnośnik ponownie za kilka minut.",
		BusyTitle: "Chwileczkę",
		Busy:      "Z Twojej sieci przychodzi zbyt wiele żądań. Otwórz odnośnik ponownie za minutę.",

		StopTitle:    "Nie wykorzystujcie do tego moich danych",
		StopAsks:     "wykorzystuje dane o Tobie lub chce je wykorzystywać w tym celu:",
		StopOnly:     "Naciśnij przycisk, a to się skończy. Nic więcej nie trzeba.",
		StopButton:   "Zakończ",
		StopLater:    "Jeśli zamkniesz tę stronę, nic się nie zmieni.",
		StoppedTitle: "Zakończone",
		Stopped:      "Wycofanie zgody lub sprzeciw zostały zapisane i obowiązują od tej chwili.",
		Unstopped:    "Być może jest za stary albo niepełny. Użyj odnośnika z nowszej wiadomości albo napisz do jej nadawcy. Nic się nie zmieniło.",
	},
	{
		Language: "sk",
		Subject:  "Potvrďte svoju voľbu",
		Intro:    "Niekto, pravdepodobne vy, nás požiadal, aby sme používali údaje o vás na tento účel:",
		Nothing:  "Kým to nepotvrdíte, s ničím nesúhlasíte.",
		Press:    "Ak chcete súhlas potvrdiť, otvorte túto stránku a stlačte tlačidlo:",
		Once:     "Odkaz funguje raz, do",
		Ignore:   "Ak ste o to nežiadali, nerobte nič. Žiadny súhlas sa potom nezaznamená.",
		Title:    "Potvrďte svoju voľbu",
		Asks:     "chce používať údaje o vás na tento účel:",
		Only:     "Súhlasíte stlačením tlačidla a ničím iným. Súhlas môžete kedykoľvek odvolať, rovnako ľahko, ako ho dávate.",
		Button:   "Súhlasím",
		Later:    "Ak to nechcete, zatvorte túto stránku. Žiadny súhlas sa potom nezaznamená.",

		DoneTitle: "Ďakujeme",
		Done:      "Vaša voľba je zaznamenaná. Kedykoľvek ju môžete odvolať.",
		GoneTitle: "Tento odkaz nefunguje",
		Gone:      "Možno už bol použitý, je príliš starý alebo neúplný. Požiadajte o nový e-mail tam, kde ste žiadali o tento. Nič sa nezmenilo.",
		AwayTitle: "Teraz nie",
		Away:      "Vašu voľbu momentálne nemožno zaznamenať. Otvorte odkaz znova o niekoľko minút.",
		BusyTitle: "Chvíľu, prosím",
		Busy:      "Z vašej siete prichádza príliš veľa požiadaviek. Otvorte odkaz znova o minútu.",

		StopTitle:    "Nepoužívajte na to moje údaje",
		StopAsks:     "používa údaje o vás alebo by ich chcel používať na tento účel:",
		StopOnly:     "Stlačte tlačidlo a skončí sa to. Nič viac netreba.",
		StopButton:   "Ukončiť",
		StopLater:    "Ak túto stránku zatvoríte, nič sa nezmení.",
		StoppedTitle: "Skončilo sa to",
		Stopped:      "Odvolanie súhlasu alebo námietka sú zaznamenané a platia odteraz.",
		Unstopped:    "Možno je príliš starý alebo neúplný. Použite odkaz z novšieho e-mailu alebo napíšte jeho odosielateľovi. Nič sa nezmenilo.",
	},
}

// wordsIn returns the words of a language we speak, else English.
func wordsIn(lang string) *words {
	for i := range languages {
		if languages[i].Language == lang {
			return &languages[i]
		}
	}
	return &languages[0]
}
