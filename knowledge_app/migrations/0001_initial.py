import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import pgvector.django.halfvec
import pgvector.django.indexes
from django.conf import settings
from django.db import migrations, models

import config.common.uuid7


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("workspaces_app", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgvector.django.VectorExtension(),
        migrations.CreateModel(
            name="KnowledgeBase",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=config.common.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "name",
                    models.CharField(
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$",
                                "Use 1 to 64 lower-case letters, digits and hyphens, beginning and ending with a letter or digit.",
                                code="name.invalid",
                            )
                        ],
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=120)),
                ("description", models.TextField(blank=True, max_length=2000)),
                (
                    "visibility",
                    models.CharField(
                        choices=[
                            (
                                "private",
                                "Private: members of the workspace and people it is shared with",
                            ),
                            ("public", "Public: every signed-in user may read and run it"),
                        ],
                        default="private",
                        max_length=8,
                    ),
                ),
                ("archived_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "embedding_model",
                    models.CharField(default="all-minilm-l6-v2", editable=False, max_length=120),
                ),
                ("language", models.CharField(default="english", max_length=32)),
                (
                    "chunk_tokens",
                    models.PositiveIntegerField(
                        default=200,
                        validators=[
                            django.core.validators.MinValueValidator(32),
                            django.core.validators.MaxValueValidator(240),
                        ],
                    ),
                ),
                ("overlap_tokens", models.PositiveIntegerField(default=30)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces_app.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "knowledge base",
                "ordering": ["-id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=config.common.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("title", models.CharField(max_length=200)),
                ("media_type", models.CharField(default="text/markdown", max_length=120)),
                ("content_sha256", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Being read"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("error", models.CharField(blank=True, max_length=500)),
                ("chunk_count", models.PositiveIntegerField(default=0)),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="workspaces_app.blob",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="documents",
                        to="knowledge_app.knowledgebase",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=config.common.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("ordinal", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("heading", models.CharField(blank=True, max_length=300)),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
                ("embedding", pgvector.django.halfvec.HalfVectorField(dimensions=384)),
                ("lexemes", django.contrib.postgres.search.SearchVectorField()),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="knowledge_app.document",
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="knowledge_app.knowledgebase",
                    ),
                ),
            ],
            options={
                "ordering": ["document", "ordinal"],
            },
        ),
        migrations.CreateModel(
            name="KnowledgeBaseShare",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=config.common.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "role",
                    models.CharField(
                        choices=[("viewer", "Viewer"), ("runner", "Runner"), ("editor", "Editor")],
                        max_length=8,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "object",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shares",
                        to="knowledge_app.knowledgebase",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="knowledgebase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("archived_at__isnull", True)),
                fields=("workspace", "name"),
                name="knowledge_app_knowledgebase_name_is_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgebase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "overlap_tokens__lt",
                        django.db.models.expressions.CombinedExpression(
                            models.F("chunk_tokens"), "/", models.Value(2)
                        ),
                    )
                ),
                name="overlap_is_less_than_half_a_chunk",
                violation_error_message="The overlap must be less than half of the chunk size.",
            ),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["base", "-id"], name="document_by_base"),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.UniqueConstraint(
                fields=("base", "content_sha256"), name="content_is_stored_once_per_base"
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "failed"), ("error", ""), _connector="XOR"),
                name="only_a_failed_document_has_an_error",
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=pgvector.django.indexes.HnswIndex(
                ef_construction=64,
                fields=["embedding"],
                m=16,
                name="chunk_embedding_hnsw",
                opclasses=["halfvec_ip_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["lexemes"], name="chunk_lexemes_gin"
            ),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(
                fields=("document", "ordinal"), name="chunks_are_numbered"
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgebaseshare",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("user__isnull", True), ("group__isnull", True), _connector="XOR"
                ),
                name="knowledge_app_knowledgebaseshare_has_one_grantee",
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgebaseshare",
            constraint=models.UniqueConstraint(
                fields=("object", "user"), name="knowledge_app_knowledgebaseshare_once_per_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="knowledgebaseshare",
            constraint=models.UniqueConstraint(
                fields=("object", "group"), name="knowledge_app_knowledgebaseshare_once_per_group"
            ),
        ),
    ]
