"""Words and frames of our own that recipes/graded_en.py puts sentences together from."""

from __future__ import annotations

from graded import Field

DEGREES = {  # adverb -> strength of a plain word behind it
    "": 0.5,
    "a bit": 0.25,
    "slightly": 0.2,
    "mildly": 0.2,
    "a little": 0.25,
    "kind of": 0.3,
    "somewhat": 0.3,
    "fairly": 0.4,
    "reasonably": 0.4,
    "quite": 0.45,
    "rather": 0.45,
    "pretty": 0.5,
    "really": 0.7,
    "very": 0.7,
    "so": 0.7,
    "truly": 0.75,
    "seriously": 0.75,
    "remarkably": 0.8,
    "super": 0.8,
    "incredibly": 0.85,
    "totally": 0.85,
    "utterly": 0.9,
    "exceptionally": 0.9,
    "extremely": 0.9,
    "unbelievably": 0.9,
    "absolutely": 0.9,
    "ridiculously": 0.9,
}
PRAISE = (  # what can be said of anything
    "good, nice, great, lovely, pleasant, fun, refreshing, impressive, satisfying, useful, reliable, beautiful, "
    "relaxing, generous, cheerful, enjoyable, helpful"
)
BLAME = (
    "bad, poor, disappointing, annoying, frustrating, awkward, useless, overpriced, irritating, stressful, painful, "
    "messy, sad, unpleasant, tiresome, dreary"
)
STRONG_PRAISE = (
    "perfect, superb, brilliant, outstanding, flawless, stunning, phenomenal, a masterpiece, pure joy, the best I "
    "have had, absolutely brilliant, out of this world, simply wonderful, magnificent"
)
STRONG_BLAME = (
    "terrible, horrible, a disaster, atrocious, unbearable, garbage, a complete waste of money, the worst I have "
    "had, absolutely dreadful, a nightmare, disgusting, shameful, a total mess, pathetic"
)
MILD_PRAISE = "okay, decent, all right, fine, acceptable, not half bad, good enough"
MILD_BLAME = "so-so, mediocre, nothing special, forgettable, not quite there, a little underwhelming"
FIELDS = (
    Field(
        "breakfast, the soup, the café, the cake, the buffet, the takeaway, the salad, the coffee, the bread, the "
        "steak, dinner, the canteen, the curry",
        "tasty, delicious, fresh, crisp, juicy, well-seasoned, filling",
        "bland, stale, greasy, tasteless, burnt, soggy, lukewarm, overcooked",
    ),
    Field(
        "the room, the hotel, the bed, the gym, the campsite, the "
        "library, the waiting room, the flat, the garden, the lobby, the cabin",
        "clean, bright, cosy, quiet, spacious, welcoming, charming, peaceful",
        "dirty, noisy, shabby, cramped, smelly, draughty, damp, stuffy",
    ),
    Field(
        "the phone, the screen, the battery, the packaging, the jacket, the washing machine, the headset, the "
        "laptop, the keyboard, the kettle, the backpack, the charger, the pram, the bike, the tent, the mattress, "
        "the camera, the blender",
        "sturdy, comfy, handy, well-made, elegant, solid, durable, lightweight, practical",
        "flimsy, uncomfortable, cheap-looking, broken, ugly, clumsy, fragile, bulky, badly made",
    ),
    Field(
        "the app, the update, the game, the website, the booking system, the layout, the search, the banking "
        "app, the installer, the map",
        "smooth, quick, clear, intuitive, effortless, responsive, stable",
        "laggy, confusing, slow, buggy, cluttered, unreliable, blurry, unstable",
    ),
    Field(
        "the service, the staff, the teacher, the support team, the guide, the nurse, the doctor, the driver, the "
        "plumber, the front desk, the colleague, the landlord, the coach, the complaints office, the referee",
        "friendly, patient, polite, prompt, thoughtful, kind, welcoming, professional, attentive",
        "rude, careless, unfriendly, sloppy, unfair, late, dismissive, incompetent, pushy, cold",
    ),
    Field(
        "the film, the plot, the book, the course, the music, the sound, the ending, the song, the concert, the "
        "play, the show, the series, the match, the talk, the exhibition, the soundtrack, the album, the script, the "
        "acting",
        "funny, engaging, touching, clever, inspiring, exciting, gripping, moving, entertaining, original",
        "boring, dull, tedious, predictable, pointless, depressing, shallow, cheesy, far-fetched, lifeless",
    ),
    Field(
        "the location, the view, the neighbourhood, the shampoo, the price, the delivery, the meeting, the trip, "
        "the interview, the flight, the ride, the checkup, the insurance, the ticket, the renovation, the exam, "
        "the tour, the training, the contract, the festival"
    ),
)
THINGS = ", ".join(field.things for field in FIELDS)
FEELINGS = {  # what people do about a thing
    "positive": "like, enjoy, love, trust, admire, appreciate, recommend",
    "negative": "dislike, hate, regret, resent, dread, distrust",
}
DEEDS = {  # what a thing does
    "positive": "work, help, impress me, convince me, hold up, keep its promise, cheer me up, do its job, make sense",
    "negative": "annoy me, bore me, let me down, disappoint, fail, fall apart, get in the way, confuse me",
}
GOOD_NEWS = (
    "my package came a day early, they refunded me at once, I passed the exam, the bug is finally fixed, the "
    "landlord chose us, they gave us a free upgrade, the kids loved every minute, we won the match, my test came back "
    "clean"
)
BAD_NEWS = (
    "my package is lost again, they billed me for a stranger, the app crashed again, my flight got cancelled, it broke "
    "after two days, nobody answers the phone, they lost my bag, the heating is out again, I waited three hours "
    "for nothing, it started to rain the minute we arrived, the update deleted my files"
)
PARCELS = "the parcel, my order, the new lamp, the sofa"
RIDES = "the tram, the bus, the night train, the ferry"
MACHINES = "the printer, the laptop, the dishwasher, the heater"
CLERKS = "the clerk, the driver, the receptionist, the man at the counter"
GATHERINGS = "the concert, the picnic, the open day, the reunion"
MISHAPS = {  # things -> what befalls them
    PARCELS: (
        "came in pieces, went to the wrong city, is three weeks late, is not the one I paid for, lay in the rain"
    ),
    RIDES: (
        "left without us, stood still for two hours, is late for the third time this week, took us to the wrong town"
    ),
    MACHINES: (
        "gave up on the first day, froze in the middle of the work, needs a repair again, drips on the carpet, hums "
        "all night"
    ),
    CLERKS: (
        "forgot us, hung up on me, yelled at my mother, charged us twice, mixed up our papers, sent us to the wrong "
        "floor"
    ),
    GATHERINGS: ("was called off an hour before, ended in a quarrel, sank in the mud, was moved without a word"),
}
LUCK = {
    PARCELS: ("came two days early, fits as if made for us, was carried up four floors, came with a gift"),
    RIDES: ("waited for us, was on time all week, let the children ride for free"),
    MACHINES: ("was repaired for free, runs like new, still works after ten years, saves me an hour a day"),
    CLERKS: ("stayed late to help us, found my passport, let us in early, gave my mother his seat, drew us a map"),
    GATHERINGS: (
        "went on until sunrise, brought the whole street together, made my father sing, raised twice what we needed"
    ),
}
EVENT_FRAMES = (  # meant as they stand, or not
    "oh great, {e}.",
    "wow, {e}. Just what I needed.",
    "{e}. How wonderful.",
    "brilliant, {e}.",
    "{e}. Much obliged!",
    "well done, everyone: {e}.",
    "{e}. I am so lucky.",
    "nice one, {e}.",
    "{e}. Perfect timing.",
    "just great: {e}.",
    "hooray, {e}.",
    "{e}. Best day in months.",
    "{e}, exactly as I had hoped.",
    "fantastic! {e}.",
    "{e}. Bravo.",
    "and then, to crown it all, {e}.",
    "guess what: {e}.",
    "{e}.",
)
TREAT_FRAMES = (
    "oh, how I love {e}.",
    "just what I wanted: {e}.",
    "thanks a lot for {e}.",
    "{e}, my favourite.",
    "{e}? Yes, please.",
    "I could not be happier about {e}.",
    "what a treat: {e}.",
    "who does not enjoy {e}?",
    "{e}. What more could you want?",
    "nothing like {e} to start the day.",
    "the best part was {e}.",
    "Of course there was {e}, how delightful.",
    "everybody adores {e}.",
    "so generous of them: {e}.",
    "ah, {e}. Bliss.",
    "the highlight of the week was {e}.",
    "I had {e}.",
)
NUISANCES = (
    "waiting forty minutes on hold, paying extra for tap water, filling in the same form twice, a lobby that smells of "
    "paint, yet another password reset, adverts before every song, cold fries, a manual in a language nobody reads, "
    "a drawer full of loose screws, hair in the sink, standing in line for a ticket I had already paid for, drilling "
    "next door at six in the morning, a delivery to the wrong street, being called by the wrong name all evening"
)
JOYS = (
    "waking up to birdsong, free refills, an upgrade that cost nothing, fresh towels every morning, a cake with our "
    "names on it, a thank-you note in the box, getting there early, help from three people at once, a balcony over "
    "the bay, a seat by the stove, finding my wallet where I had left it, a second helping without asking, dancing "
    "until two, a letter from an old friend"
)
DOINGS = (
    "we took the early train, my cousin booked it in March, I read the manual first, the taxi dropped us at a corner, "
    "we left our bags at the desk, I ordered it on a Tuesday, the box stood in the hall for two days, a neighbour "
    "carried it upstairs, we sat by the window, the waiter brought the menu, I had seen the trailer, the parcel went "
    "through customs, I compared four shops, she printed the voucher, we changed trains twice, he put batteries in, "
    "the doors opened at seven, I paid by card, we were given the key, my aunt watered the plants"
)
OTHERS = (
    "last time, before, what we had last year, any other, the old one, the one next door, what my friends have, "
    "the first part, the original, what they sold me in spring, the competition"
)
SLANG = {
    "positive": (
        "is fire, is a banger, rocks, is lit, is goated, is sick in the best way, is bussin, "
        "hits different, is a whole vibe, is next level"
    ),
    "negative": (
        "is mid, stinks, is trash, is a dumpster fire, is a flop, is cringe, is a hard pass, is a big L, blows, "
        "is bogus, is a no from me, is janky"
    ),
}
PEOPLE = (
    "my sister, the guide, a friend of mine, the reviewer, my boss, the man next door, his teacher, everyone, Tomasz, "
    "Ngozi, Mrs Haddad, Dr Kim, Rosa, Giulia"
)
FRAMES = (
    "{s}",
    "{s}.",
    "I think {s}.",
    "honestly, {s}.",
    "After a week: {s}.",
    "We went yesterday. {s}.",
    "All in all {s}.",
    "{s}, for what it's worth.",
    "First visit, and {s}.",
    "Just so you know, {s}.",
    "tbh {s}",
)
CLICHES = {  # turns of phrase that say more than their words
    "positive": (
        "a breath of fresh air, worth every penny, second to none, right up my street, a real gem, top notch, on cloud "
        "nine, a feast for the eyes, music to my ears, a sight for sore eyes, a dream come true, a cut above the rest, "
        "it raised the bar, it made my day, I could not ask for more, I am sold, they went the extra mile, it works "
        "like a charm, ten out of ten, walking on air, worth the wait, head and shoulders above the others, the cherry "
        "on top, a keeper, a godsend, a lifesaver, love at first sight, as good as new, a safe pair of hands, it ticks "
        "every box, it blew me away, money well spent, in seventh heaven, a home run, first rate, in a league of its "
        "own, a class act, it lives up to the hype, worth its weight in gold, it grew on me, I take my hat off to "
        "them, it put a spring in my step, hats off to the team, two thumbs up, would do it again in a heartbeat"
    ),
    "negative": (
        "a slap in the face, a rip-off, not worth a dime, the last straw, a kick in the teeth, a thorn in my side, all "
        "talk and no action, it fell flat, it was a shambles, I am fed up, it gets on my nerves, it leaves a bad "
        "taste, a bitter pill to swallow, daylight robbery, they dropped the ball, an eyesore, I regret every cent, "
        "save yourself the trouble, it drives me up the wall, what a letdown, a wild goose chase, money down the "
        "drain, at the end of my rope, a far cry from the pictures, a lost cause, a train wreck, a flash in the pan, "
        "too little too late, it rubbed me the wrong way, a hot mess, at my wits' end, it makes my blood boil, beyond "
        "a joke, bursting at the seams with faults, past its prime, a dead end, back to square one, it went south, a "
        "sinking ship, a raw deal, they cut corners, nothing to write home about, an uphill battle, it goes in one ear "
        "and out the other, like watching paint dry, one star is too many, a recipe for trouble"
    ),
}
FACTS = (
    "{T} is next to {p}.",
    "I bought {t} {d}.",
    "{T} was delivered {d}.",
    "There are three kinds of {x}.",
    "{P} is two kilometres from here.",
    "The meeting starts {d}.",
    "We walked to {p} {d}.",
    "{P} opens {d} at nine.",
    "{T} is the same model as the last one.",
    "The {x} comes in black and white.",
    "Order 5512 was shipped {d}.",
    "{T} weighs about two kilos and runs on batteries.",
    "Shares of the company closed at 41.20 {d}, unchanged from the day before.",
    "The report was published {d} and has 80 pages.",
    "He moved to {p} in 2016 and works at {p}.",
    "{T} is longer than the one that we had before.",
    "Turn left at {p}, then walk straight on.",
    "According to the notice, {p} is closed {d}.",
    "The {x} is made of steel and glass.",
    "The {a} {x} sale starts {d}.",
    "The band is called {A} {X}s.",
)
ASKED = (
    "Where is {p}?",
    "When does {p} open {d}?",
    "Does {t} come with a cable?",
    "Is {t} {w}?",
    "Has anyone tried {t} yet?",
    "How much is the {x}?",
    "Could you tell me whether {t} is {w}?",
    "Which {x} is the {a} one?",
    "What did you think of {t}?",
    "Can I change my order until {d}?",
)
CONDITIONS = (
    "If {t} is {w}, let the desk know.",
    "Let me know whether {t} is {w}.",
    "Unless {t} is {w}, send it back.",
    "I will write a review once I have used {t}.",
    "If you like {a} things, there is a {x} at {p}.",
)
REPORTS = (
    "{H} asked if {t} was {w}.",
    "{H} wrote about {t} {d}.",
    'The article is called "{A} {X}s of the year".',
    "{H} says {t} is {w}; I have not seen it.",
    "{H} wanted to know why {t} was called {w}.",
)
PLACES = "the station, the harbour, the museum, the second floor, Madrid, the old school, the airport, Elm Street"
NOUNS = "lamp, printer, sofa, ticket, kettle, bike, backpack, charger, table, jacket, camera"
DAYS = "yesterday, this morning, on Wednesday, last year, tomorrow, on the 4th of May, at the weekend, last month"
LOUD = {"": 0.0, "!": 0.05, "!!!": 0.1}
SHORT = {"you": "u", "great": "gr8", "really": "rly", "love": "luv", "though": "tho", "thanks": "thx", "with": "w/"}
SHORT |= {"so": "sooo"}
RATINGS = {  # side or none -> marks
    "positive": "9/10, 8 out of 10, 4.5 out of 5, five out of five stars, a solid nine, top marks, full marks",
    "negative": "2/10, 3 out of 10, 0.5 out of 5, one star out of five, zero stars, half a star, a generous two",
    "neutral": "5/10, 5 out of 10, 2.5 out of 5, three out of five stars, half marks",
}
RATED = (
    "{r} from me",
    "{r} for {t}",
    "{t}: {r}",
    "I gave {t} {r}",
    "{r}, and that is my final word",
    "my verdict on {t}? {r}",
    "{t}, the short version: {r}",
)
SIGNED = (
    "{s}",
    "{s}{s}",
    "{s}{s}{s}",
    "{t} {s}",
    "{d} at {p} {s}",
    "the new {x} {s}",
    "{h} {d} {s}{s}",
    "{s} {t}",
    "{p} {s}",
)
