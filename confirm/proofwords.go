package confirm

import "zgoda/control"

// proofWords are what mails and pages that prove who asks say in one language.
type proofWords struct {
	Language string

	Subject, Intro, Press, Once, Ignore string // of the mail
	Title, Asks, Only, Button, Later    string // of the page
	DoneTitle, Done, Away               string
	Rights                              map[control.Right]string
}

// right is what is asked for, in words.
func (w *proofWords) right(r control.Right) string { return w.Rights[r] }

// proofLanguages are in the order of languages.
var proofLanguages = []proofWords{
	{
		Language: "en",
		Subject:  "Was it you who asked?",
		Intro:    "Somebody, probably you, gave this address and asked us for this:",
		Press:    "Before we do anything we have to know that it is you. Open this page and press its button:",
		Once:     "The link works once, until",
		Ignore:   "If it was not you, do nothing. Nothing happens then.",
		Title:    "Was it you who asked?",
		Asks:     "was asked for this, with your mail address:",
		Only:     "Press the button if it was you. It is done then, or somebody deals with it, and nobody asks you who you are again.",
		Button:   "It was me",
		Later:    "If it was not you, close this page. Nothing happens then.",

		DoneTitle: "Thank you",
		Done:      "It is known now that it was you who asked. What you asked for goes on.",
		Away:      "This cannot be recorded at the moment. Please open the link again in a few minutes.",
		Rights: map[control.Right]string{
			control.RightAccess:        "to tell you which data about you is held, and give you a copy",
			control.RightRectification: "to correct data about you",
			control.RightErasure:       "to erase the data about you, for good",
			control.RightRestriction:   "to keep the data about you, and not to use it",
			control.RightPortability:   "to give you your data in a form that machines read",
			control.RightObjection:     "not to use data about you for marketing or other interests of ours",
			control.RightAutomated:     "to let no machine alone decide about you",
			control.RightWithdrawal:    "to end every consent that you gave",
		},
	},
	{
		Language: "pl",
		Subject:  "Czy to Twoja prośba?",
		Intro:    "Ktoś, zapewne Ty, podał ten adres i poprosił nas:",
		Press:    "Zanim cokolwiek zrobimy, musimy wiedzieć, że to Ty. Otwórz tę stronę i naciśnij przycisk:",
		Once:     "Odnośnik działa jeden raz, do",
		Ignore:   "Jeśli to nie Twoja prośba, nie rób nic. Nic się wtedy nie stanie.",
		Title:    "Czy to Twoja prośba?",
		Asks:     "otrzymał prośbę z podaniem Twojego adresu e-mail:",
		Only:     "Naciśnij przycisk, jeśli to Twoja prośba. Zostanie wykonana albo ktoś się nią zajmie i nikt już nie zapyta, kim jesteś.",
		Button:   "To ja",
		Later:    "Jeśli to nie Twoja prośba, zamknij tę stronę. Nic się wtedy nie stanie.",

		DoneTitle: "Dziękujemy",
		Done:      "Wiadomo już, że to Twoja prośba. Jest dalej załatwiana.",
		Away:      "W tej chwili nie można tego zapisać. Otwórz odnośnik ponownie za kilka minut.",
		Rights: map[control.Right]string{
			control.RightAccess:        "o informację, jakie dane o Tobie są przechowywane, i o ich kopię",
			control.RightRectification: "o poprawienie danych o Tobie",
			control.RightErasure:       "o trwałe usunięcie danych o Tobie",
			control.RightRestriction:   "o zachowanie danych o Tobie bez wykorzystywania ich",
			control.RightPortability:   "o wydanie Twoich danych w postaci czytelnej dla komputera",
			control.RightObjection:     "o niewykorzystywanie danych o Tobie w marketingu ani w innych naszych interesach",
			control.RightAutomated:     "o to, by żadna maszyna nie decydowała o Tobie samodzielnie",
			control.RightWithdrawal:    "o zakończenie wszystkich zgód, których udzielono",
		},
	},
	{
		Language: "sk",
		Subject:  "Boli ste to vy?",
		Intro:    "Niekto, pravdepodobne vy, zadal túto adresu a požiadal nás o toto:",
		Press:    "Skôr než niečo urobíme, musíme vedieť, že ste to vy. Otvorte túto stránku a stlačte tlačidlo:",
		Once:     "Odkaz funguje raz, do",
		Ignore:   "Ak ste to neboli vy, nerobte nič. Nič sa potom nestane.",
		Title:    "Boli ste to vy?",
		Asks:     "dostal s vašou e-mailovou adresou túto žiadosť:",
		Only:     "Stlačte tlačidlo, ak ste to boli vy. Žiadosť sa vybaví alebo sa jej niekto ujme a nikto sa už nespýta, kto ste.",
		Button:   "Som to ja",
		Later:    "Ak ste to neboli vy, zatvorte túto stránku. Nič sa potom nestane.",

		DoneTitle: "Ďakujeme",
		Done:      "Už vieme, že žiadosť je vaša. Vybavuje sa ďalej.",
		Away:      "Momentálne to nemožno zaznamenať. Otvorte odkaz znova o niekoľko minút.",
		Rights: map[control.Right]string{
			control.RightAccess:        "povedať vám, aké údaje o vás sa uchovávajú, a dať vám ich kópiu",
			control.RightRectification: "opraviť údaje o vás",
			control.RightErasure:       "natrvalo vymazať údaje o vás",
			control.RightRestriction:   "ponechať údaje o vás a nepoužívať ich",
			control.RightPortability:   "vydať vám vaše údaje v strojovo čitateľnej podobe",
			control.RightObjection:     "nepoužívať údaje o vás na marketing ani na iné naše záujmy",
			control.RightAutomated:     "aby o vás nerozhodoval samotný stroj",
			control.RightWithdrawal:    "ukončiť všetky súhlasy, ktoré ste dali",
		},
	},
}

// proofWordsIn returns the words of a language we speak, else English.
func proofWordsIn(lang string) *proofWords {
	for i := range proofLanguages {
		if proofLanguages[i].Language == lang {
			return &proofLanguages[i]
		}
	}
	return &proofLanguages[0]
}
