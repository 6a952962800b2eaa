import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('comptes', '0003_comptes_bancaires'),
        ('financement', '0006_import_realise'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CompteProduit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('compte', models.CharField(choices=[('70', '70 – Ventes de produits et prestations de services'), ('74', '74 – Subventions d’exploitation'), ('75', '75 – Autres produits de gestion courante'), ('76', '76 – Produits financiers'), ('77', '77 – Produits exceptionnels'), ('78', '78 – Reprises sur amortissements et provisions'), ('79', '79 – Transferts de charges')], max_length=2, verbose_name='compte de produits')),
                ('organisation', models.OneToOneField(error_messages={'unique': 'Cette organisation a déjà un compte de produits.'}, on_delete=django.db.models.deletion.CASCADE, related_name='compte_produit', to='comptes.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'compte de produits',
                'verbose_name_plural': 'comptes de produits',
                'ordering': ['organisation'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalCompteProduit',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('compte', models.CharField(choices=[('70', '70 – Ventes de produits et prestations de services'), ('74', '74 – Subventions d’exploitation'), ('75', '75 – Autres produits de gestion courante'), ('76', '76 – Produits financiers'), ('77', '77 – Produits exceptionnels'), ('78', '78 – Reprises sur amortissements et provisions'), ('79', '79 – Transferts de charges')], max_length=2, verbose_name='compte de produits')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(blank=True, db_constraint=False, error_messages={'unique': 'Cette organisation a déjà un compte de produits.'}, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='comptes.organisation', verbose_name='organisation')),
            ],
            options={
                'verbose_name': 'historique',
                'verbose_name_plural': 'historical comptes de produits',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
    ]
