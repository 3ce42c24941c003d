from tests.fake_openai.fixtures import fake_openai

__all__ = ["fake_openai"]
