using System.Security.Cryptography;
using System.Text;
using Eml.Formats;

namespace Eml.Tests.Formats;

/// <summary>The hash of audit logs and of <c>eml inspect</c>.</summary>
public class Sha256Tests
{
    // FIPS 180-4's examples.
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void Equals_the_published_examples(string text, string hash) =>
        Assert.Equal(hash, Sha256.Hex(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Equals_the_frameworks_at_every_length_around_the_block_size()
    {
        byte[] bytes = [.. Enumerable.Range(0, 300).Select(i => (byte)(7 * i))];
        for (int length = 0; length <= bytes.Length; length++)
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes.AsSpan(0, length))), Sha256.Hex(bytes.AsSpan(0, length)));
    }
}
