"""Words of the invented data: towns that exist nowhere, actions that could be anywhere."""

BOURGS = (
    "Aubréville Belmont Castelvieux Doucières Érigny Fontclaire Grandlieu Hautecombe Issoncourt Jouvières Kermarec Longpré Marcevaux "
    "Neuvecelle Orgemont Pierrefeu Quincerot Roquevaire Sauvigny Tréville Ussonne Valmarie Villeclaire Ambreuil Bourgneuf Chantelour "
    "Dampierrot Esserval Ferrandières Gravelotte"
).split()
LIEUX = "sur-Vérance sur-Aubrette lès-Forges en-Bocage la-Vallée sur-Mauve les-Bains en-Plaine sur-Loignes le-Haut".split()
REGIONS = (
    "Hauts-de-Vérance Val-d’Aubrette Pays-de-Mauve Grandes-Plaines Bocage-Maritime Massif-des-Sources Rives-du-Sud Terres-de-Loignes "
    "Côtes-du-Ponant Marches-de-l’Est Plateaux-du-Centre Monts-et-Lacs"
).split()
PRENOMS = "Camille Dominique Claude Frédérique Inès Mathéo Hélène Gaëlle Noël Rémi Zoé Benoît Agnès Loïc Chloé Théo Élise Jérôme".split()
NOMS = "Perrin Lefèvre Marchand Garnier Béraud Chevallier Dumont Guérin Hérault Jolivet Mercier Noblet Pélissier Rousseau Séguin".split()

THEMES = (
    "Développement économique et commerce de proximité",
    "Attractivité du territoire et implantation d’entreprises",
    "Transmission et reprise des entreprises artisanales",
    "Transition écologique des zones d’activités",
    "Emploi, compétences et apprentissage",
    "Revitalisation des cœurs de ville",
    "Numérique et innovation dans les petites entreprises",
    "Tourisme d’affaires et grands évènements",
    "Économie circulaire et circuits courts",
    "Industrie du futur et export",
)
AXES = (
    ("E.A", "Attractivité", ("Prospection et accueil", "Image du territoire")),
    ("E.P", "Proximité", ("Commerce et artisanat", "Cœurs de ville")),
    ("E.C", "Compétences", ("Emploi et apprentissage", "Formation des dirigeants")),
)
VERBES = (
    "Accompagner Soutenir Développer Observer Animer Promouvoir Structurer Moderniser Évaluer Financer Déployer Mutualiser Former Détecter"
).split()
OBJETS = (
    "la création d’entreprises",
    "le commerce de centre-ville",
    "les repreneurs d’entreprises artisanales",
    "la filière bois et ses débouchés",
    "l’implantation d’activités logistiques",
    "les pépinières et hôtels d’entreprises",
    "la mobilité des apprentis",
    "le réseau des clubs d’entreprises",
    "la transition énergétique des commerces",
    "l’observatoire de l’immobilier économique",
    "les marchés et les halles de plein vent",
    "les circuits courts et la restauration collective",
    "la prospection d’investisseurs étrangers",
    "le salon des métiers et de l’alternance",
    "la digitalisation des commerçants",
    "les friches industrielles à reconvertir",
    "l’économie sociale et solidaire",
    "le tourisme d’affaires",
    "la cybersécurité des petites entreprises",
    "les compétences rares de l’industrie",
)
CONSTATS = (
    "Le tissu économique compte surtout de très petites entreprises, dont les dirigeants approchent de la retraite.",
    "La vacance commerciale atteint {n} % dans le centre et recule moins vite qu’ailleurs.",
    "Les entreprises peinent à recruter : {n} offres sur cent restent sans candidat.",
    "L’offre foncière est éclatée entre plusieurs gestionnaires et mal connue des porteurs de projet.",
    "Les zones d’activités ont été conçues avant les exigences environnementales d’aujourd’hui.",
    "Près de {n} entreprises ont été rencontrées lors de la précédente convention.",
)
OBJECTIFS = (
    "Maintenir l’activité et l’emploi dans les communes rurales",
    "Faire connaître les aides à celles et ceux qui créent leur entreprise",
    "Accueillir {n} projets nouveaux sur la durée de la convention",
    "Réduire la vacance commerciale de {n} points",
    "Donner aux élus une vision partagée de l’économie locale",
    "Raccourcir le délai entre le premier contact et l’ouverture",
)
CONTENUS = (
    "Un diagnostic individuel est proposé à chaque entreprise volontaire, suivi d’un plan d’actions chiffré.",
    "Des ateliers collectifs réunissent une douzaine de dirigeants autour d’un intervenant.",
    "Une enquête annuelle est menée auprès des entreprises, puis restituée en réunion publique.",
    "Un conseiller dédié assure des permanences dans chaque pôle d’équilibre.",
    "Une campagne de communication est conduite avec les offices de commerce et la presse locale.",
    "Un comité technique se réunit chaque trimestre pour suivre l’avancement et lever les difficultés.",
)
CIBLES = (
    "Les commerçants et artisans du centre",
    "Les dirigeants de plus de 55 ans",
    "Les porteurs de projet",
    "Les jeunes de 16 à 25 ans",
)
INDICATEURS = (
    ("Entreprises accompagnées", "entreprises"),
    ("Emplois créés ou maintenus", "emplois"),
    ("Participants aux ateliers", "personnes"),
    ("Locaux vacants remis sur le marché", "locaux"),
)
LIBELLES = ("", "Première phase", "Observatoire", "Permanences", "Salon", "Étude de marché")
ARTICLES = (
    ("Objet", "La présente convention fixe les engagements des Parties en faveur de l’économie locale."),
    ("Durée", "Elle prend effet à sa notification et couvre la période {{ convention.periode }}."),
    ("Dispositions financières", "Chaque Partie prend en charge la part que fixe l’annexe financière."),
)
