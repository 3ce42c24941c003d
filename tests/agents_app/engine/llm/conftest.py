from tests.fake_openai.fixtures import fake_openai, unused_tcp_port

__all__ = ["fake_openai", "unused_tcp_port"]
