"""The drawings of the product: 16 × 16 lines that take the colour of the text beside them."""

ICONES = {
    "recherche": '<circle cx="7" cy="7" r="4.7"/><path d="m10.6 10.6 3.6 3.6"/>',
    "telecharger": '<path d="M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.8h11"/>',
    "imprimer": '<path d="M4.5 6V2h7v4M4.5 12H2.5V6.5h11V12h-2"/><path d="M4.5 10h7v4h-7z"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "coche": '<path d="m2.5 8.5 3.5 3.5 7.5-8"/>',
    "cercle": '<circle cx="8" cy="8" r="5.5"/>',
    "demi": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor"/>',
    "plein": '<circle cx="8" cy="8" r="5.5" fill="currentColor"/>',
    "crayon": '<path d="M2.5 13.5 3.3 10l7.6-7.6 2.7 2.7L6 12.7z"/>',
    "cadenas": '<rect x="3" y="7" width="10" height="7" rx="1"/><path d="M5.2 7V4.8a2.8 2.8 0 0 1 5.6 0V7"/>',
    "bloquant": '<path d="M5.5 1.5h5l4 4v5l-4 4h-5l-4-4v-5z"/><path d="M5 8h6"/>',
    "alerte": '<path d="M8 1.8 15 14H1z"/><path d="M8 6.3v3.4M8 11.9v.1"/>',
    "info": '<circle cx="8" cy="8" r="6.5"/><path d="M8 7.3v4M8 4.6v.1"/>',
    "horloge": '<circle cx="8" cy="8" r="6.5"/><path d="M8 4.2V8l2.6 1.8"/>',
    "lien": '<path d="M6 3H3v10h10v-3M9 2.5h4.5V7M13 3 7.5 8.5"/>',
    "different": '<path d="M2.5 5.7h11M2.5 10.3h11M10.8 2 5.2 14"/>',
}
