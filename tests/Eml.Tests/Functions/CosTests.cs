using Eml.Numerics;

namespace Eml.Tests.Functions;

public class CosTests
{
    [Fact]
    public void The_cosine_is_as_near_as_its_comment_says()
    {
        for (int i = -300_000; i <= 300_000; i++)
        {
            double x = i * 4.3e-5; // two turns either way
            double difference = Math.Abs(Cos.Of(x) - Math.Cos(x));
            Assert.True(difference <= 1.2e-16, $"cos {x:r}: off by {difference:r}");
        }

        Assert.Equal(1, Cos.Of(0));
        Assert.Equal(Math.Cos(50000.25), Cos.Of(50000.25), 1e-14);
    }

    [Theory]
    [InlineData(1.0, 0x3FE14A280FB5068CUL)]
    [InlineData(3.0, 0xBFEFAE04BE85E5D2UL)]
    [InlineData(4.7, 0xBF895F3A43506A34UL)]
    [InlineData(6.2, 0x3FEFE3AC4079A9CEUL)]
    public void The_cosine_has_the_same_bits_everywhere(double x, ulong bits) =>
        Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(Cos.Of(x)));
}
