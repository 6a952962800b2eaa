import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('financement', '0005_bilans'),
    ]

    operations = [
        migrations.AddField(
            model_name='importbudget',
            name='bilan',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='financement.bilan', verbose_name='bilan'),
        ),
    ]
