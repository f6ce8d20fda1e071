# cython: cdivision=True
# Argument reduction for sin, cos, tan: right for every finite float, without a branch (Payne & Hanek 1983, cut in steps
# of 16 exponents). Entry j of the tables is 2/pi with the bits dropped whose product with x is a multiple of 4 for every
# x of that step, as a sum of doubles, ft_turns_0 first. The steps below |x| = 2^48 (float32: 2^32) are all 2/pi itself: a
# table for every exponent needs no compare, so the loads stay plain gathers. From |x| = 2^512 on the float64 entries are
# scaled by 2^400 and x by 2^-400, against underflow. The float32 entries are for lightmath.pxd.in. Printed by `python bench/minimax.py --turns`.
from frankentorch._ext.bitmath cimport abs_f64, bits_f64, fma_f64, rint_f64
from frankentorch._ext.lanes cimport fast_two_sum_f64, two_product_f64, two_sum_f64

cdef extern from *:
    """
    #ifndef FT_REDUCTION
    #define FT_REDUCTION
    static const double ft_turns_0_f64[129] = {
        [0 ... 66] = 0x1.45f306dc9c883p-1,
        0x1.45f306dc9c883p-1, 0x1.cc1b727220a95p-11, 0x1.727220a94fe14p-27, 0x1.054a7f09d5f48p-46,
        0x1.4fe13abe8fa9ap-59, 0x1.3abe8fa9a6ee0p-75, 0x1.1f534ddc0db63p-92, 0x1.a6ee06db14acdp-107,
        0x1.b6c52b3278872p-129, 0x1.14acc9e21c821p-139, 0x1.93c439041fe51p-156, 0x1.c820ff28b1d5fp-175,
        0x1.fe5163abdebbcp-192, 0x1.163abdebbc562p-204, 0x1.5ef5de2b0db92p-219, 0x1.de2b0db92371dp-235,
        0x1.0db92371d2127p-251, 0x1.2371d2126e970p-267, 0x1.d2126e9700325p-283, 0x1.ba5c00c925dd4p-301,
        0x1.00324977504e9p-315, 0x1.25dd413a3243ap-333, 0x1.504e8c90e7f0fp-347, 0x1.1921cfe1deb1dp-364,
        0x1.cfe1deb1cb12ap-380, 0x1.deb1cb129a73fp-396, 0x1.cb129a73ee882p-412, 0x1.4d39f74411afbp-427,
        0x1.f74411afa975ep-443, 0x1.1afa975da2427p-63, 0x1.a975da24274cep-75, 0x1.da24274ce3813p-91,
        0x1.3a671c09ad17ep-110, 0x1.c7026b45f7e41p-124, 0x1.35a2fbf209cc9p-139, 0x1.f7e413991d63ap-156,
        0x1.3991d63983534p-176, 0x1.1d639835339f5p-188, 0x1.cc1a99cfa4e42p-203, 0x1.339f49c845f8cp-220,
        0x1.a4e422fc5defdp-235, 0x1.17e2ef7e4a0ecp-254, 0x1.77bf250763ff1p-269, 0x1.c941d8ffc4c00p-283,
        0x1.d8ffc4bffef03p-299, 0x1.c4bffef02cc08p-315, 0x1.fef02cc07f798p-331, 0x1.6603fbcbc462dp-350,
        0x1.fde5e2316b415p-365, 0x1.788c5ad053690p-379, 0x1.6b414da3eda6dp-397, 0x1.4da3eda6cfd9ep-413,
        0x1.f6d367ecf27cbp-428, 0x1.b3f6793e584dcp-443, 0x1.e4f96136e9e8cp-461, 0x1.6136e9e8c7ecdp-477,
        0x1.ba7a31fb34f30p-491, 0x1.8fd9a797fa8b6p-510, 0x1.34f2ff516ba94p-523, 0x1.fea2d7527bac8p-540,
        0x1.6ba93dd63f5f3p-555, 0x1.3dd63f5f2f8bep-571,
    };
    static const double ft_turns_1_f64[129] = {
        [0 ... 66] = -0x1.6b01ec5417056p-55,
        -0x1.6b01ec5417056p-55, -0x1.ec54170565912p-71, -0x1.505c1596447e5p-81, -0x1.596447e493ad5p-101,
        0x1.bb81b6c52b328p-113, 0x1.b6c52b3278872p-129, -0x1.a99b0ef1bef80p-146, -0x1.8778df7c035d4p-161,
        0x1.07f9458eaf7afp-186, -0x1.ae9c5421443aap-200, 0x1.8eaf7aef1586ep-210, -0x1.443a9e48db91cp-232,
        0x1.586dc91b8e909p-246, -0x1.236e4716f6c8bp-258, 0x1.b8e909374b802p-274, 0x1.09374b801924cp-290,
        -0x1.68ffcdb688afbp-307, 0x1.924bba8274648p-326, -0x1.a22bec5cdbc60p-337, 0x1.3a32439fc3bd6p-357,
        -0x1.b78c0788538d4p-370, -0x1.e214e34ed658cp-392, -0x1.4e34ed658c117p-404, -0x1.3b5963045df73p-418,
        -0x1.63045df7282b4p-434, -0x1.77dca0ad144bbp-452, 0x1.afa975da24275p-467, -0x1.a28976f62cc72p-481,
        -0x1.76f62cc71fb29p-497, 0x1.338e04d68befdp-117, 0x1.c09ad17df904ep-130, 0x1.68befc827323bp-145,
        -0x1.bec66e29c67cbp-168, 0x1.cc8eb1cc1a99dp-179, -0x1.4e33e566305b2p-195, -0x1.f2b3182d8dee8p-210,
        -0x1.82d8dee81d108p-230, -0x1.8dee81d1081b6p-242, 0x1.7e2ef7e4a0ec8p-258, -0x1.081b5f13801dap-274,
        -0x1.af89c00ed0004p-289, 0x1.ff897ffde0598p-308, 0x1.7ffde05980fefp-324, -0x1.0fd33f8086877p-339,
        -0x1.9fc04343b9d29p-354, -0x1.0d0ee74a5f593p-372, -0x1.dce94beb25c12p-385, 0x1.a0a6d1f6d367fp-404,
        -0x1.2e092c98130d8p-420, -0x1.25930261b069fp-433, -0x1.30d834f648b0cp-456, 0x1.3e584dba7a320p-467,
        0x1.36e9e8c7ecd3dp-485, -0x1.61738132c3403p-497, 0x1.fb34f2ff516bbp-515, 0x1.e5fea2d7527bbp-532,
        -0x1.5d28ad8453814p-548, -0x1.5b08a7028341dp-565, -0x1.14e050683a131p-578, -0x1.41a0e84c2f8c6p-596,
        -0x1.d0985f18c10ebp-613, -0x1.85f18c10eb5aep-625,
    };
    static const double ft_turns_2_f64[129] = {
        [0 ... 66] = -0x1.6447e493ad4cep-109,
        -0x1.6447e493ad4cep-109, 0x1.b6c52b3278872p-129, 0x1.b14acc9e21c82p-135, 0x1.93c439041fe51p-156,
        -0x1.de37df00d74e3p-167, 0x1.07f9458eaf7afp-186, -0x1.ae9c5421443aap-200, 0x1.d5ef5de2b0db9p-215,
        -0x1.d4f246dc8e2dfp-243, 0x1.b7246e3a424ddp-256, -0x1.b7238b7b645a4p-265, -0x1.6f6c8b47fe6dbp-286,
        0x1.ba5c00c925dd4p-301, -0x1.1ff9b6d115f63p-312, -0x1.b6d115f62e6dep-328, -0x1.15f62e6de301ep-344,
        -0x1.736f180f10a72p-363, 0x1.cfe1deb1cb12ap-380, -0x1.e214e34ed658cp-392, 0x1.cb129a73ee882p-412,
        0x1.29a73ee88235fp-424, -0x1.177dca0ad144cp-448, -0x1.f7282b4512edfp-458, 0x1.f52ebb4484e9ap-472,
        -0x1.44bb7b16638fep-488, -0x1.ec598e3f652e8p-506, -0x1.8e3f652e82070p-522, 0x1.35a2fbf209cc9p-539,
        -0x1.d040df633714ep-551, -0x1.f633714e33e56p-171, 0x1.91d639835339fp-184, -0x1.c67cacc60b638p-200,
        0x1.9cfa4e422fc5ep-223, -0x1.6c6f740e8840ep-237, 0x1.08bf177bf2507p-249, -0x1.d1081b5f13802p-266,
        -0x1.b5f13801da001p-286, 0x1.d8ffc4bffef03p-299, -0x1.da00087e99fc0p-318, -0x1.0fd33f8086877p-339,
        -0x1.fa67f010d0ee7p-344, 0x1.fde5e2316b415p-365, 0x1.788c5ad053690p-379, -0x1.d297d64b824b2p-394,
        -0x1.f592e092c9813p-408, 0x1.f6d367ecf27cbp-428, -0x1.64c0986c1a7b2p-439, -0x1.86c1a7b24585dp-459,
        -0x1.a7b24585ce04dp-475, 0x1.b74f463f669e6p-488, 0x1.8fd9a797fa8b6p-510, -0x1.32c3402ba515bp-521,
        -0x1.00ae9456c229cp-539, 0x1.16ba93dd63f5fp-551, -0x1.b08a7028341d1p-569, -0x1.c0a0d0742617cp-587,
        -0x1.a0e84c2f8c608p-604, -0x1.30be31821d6b6p-622, 0x1.0739f78a5292fp-632, -0x1.0eb5ada2b2809p-653,
        -0x1.6b68aca025027p-667, 0x1.7535fdafd88fcp-679,
    };
    static const double ft_turns_3_f64[129] = {
        [0 ... 66] = 0x1.e21c820ff28b2p-163,
        0x1.e21c820ff28b2p-163, 0x1.07f9458eaf7afp-186, 0x1.fe5163abdebbcp-192, 0x1.8eaf7aef1586ep-210,
        0x1.7bd778ac36e49p-221, -0x1.d4f246dc8e2dfp-243, 0x1.b7246e3a424ddp-256, 0x1.1b8e909374b80p-270,
        0x1.374b801924bbbp-298, 0x1.700324977504fp-311, 0x1.924bba8274648p-326, -0x1.115f62e6de302p-340,
        0x1.3a32439fc3bd6p-357, 0x1.921cfe1deb1cbp-368, -0x1.80f10a71a76b3p-383, -0x1.0a71a76b2c609p-399,
        0x1.62534e7dd1047p-417, -0x1.63045df7282b4p-434, -0x1.177dca0ad144cp-448, 0x1.afa975da24275p-467,
        0x1.4baed1213a672p-478, 0x1.213a671c09ad1p-502, 0x1.d338e04d68bf0p-513, -0x1.c7eca5d040df6p-527,
        0x1.ad17df904e647p-542, -0x1.037d8cdc538d0p-561, 0x1.3991d63983534p-576, -0x1.4e33e566305b2p-595,
        -0x1.9f2b3182d8defp-606, -0x1.8c16c6f740e88p-225, 0x1.272117e2ef7e5p-238, 0x1.17e2ef7e4a0ecp-254,
        -0x1.036be27003b40p-279, 0x1.41d8ffc4bffefp-291, 0x1.8ffc4bffef02dp-303, 0x1.2fffbc0b301fep-321,
        0x1.e05980fef2f12p-340, -0x1.9fc04343b9d29p-354, -0x1.0d0ee74a5f593p-372, -0x1.d297d64b824b2p-394,
        -0x1.297d64b824b26p-398, -0x1.2e092c98130d8p-420, -0x1.25930261b069fp-433, -0x1.8130d834f648bp-448,
        -0x1.b069ec9161738p-465, 0x1.36e9e8c7ecd3dp-485, -0x1.161738132c340p-493, 0x1.fb34f2ff516bbp-515,
        0x1.3cbfd45aea4f7p-529, -0x1.5d28ad8453814p-548, -0x1.5b08a7028341dp-565, -0x1.14e050683a131p-578,
        -0x1.41a0e84c2f8c6p-596, 0x1.7c5ecf41ce7dep-606, 0x1.9e839cfbc5295p-623, -0x1.8c10eb5ada2b3p-641,
        -0x1.d6b5b45650128p-658, 0x1.2ea6bfb5fb120p-676, -0x1.65012813b81cbp-686, -0x1.0277039517bd5p-707,
        -0x1.c0e545ef53f9ap-721, 0x1.aba10ac06608ep-733,
    };
    static const double ft_turns_0_f32[128] = {
        [0 ... 65] = 0x1.45f306dc9c883p-1,
        0x1.f306dc9c882a5p-9, 0x1.6e4e441529fc2p-24, 0x1.1054a7f09d5f4p-42, 0x1.29fc2757d1f53p-56,
        0x1.3abe8fa9a6ee0p-75, 0x1.d1f534ddc0db6p-88, 0x1.34ddc0db6295ap-104,
    };
    static const double ft_turns_1_f32[128] = {
        [0 ... 65] = -0x1.6b01ec5417056p-55,
        0x1.fc2757d1f534ep-64, 0x1.d5f47d4d37703p-78, 0x1.f534ddc0db629p-96, 0x1.377036d8a5665p-110,
        0x1.b6c52b3278872p-129, 0x1.4acc9e21c8210p-143, -0x1.b0ef1bef806bap-158,
    };
    #endif
    """
    const double* ft_turns_0_f64
    const double* ft_turns_1_f64
    const double* ft_turns_2_f64
    const double* ft_turns_3_f64
    const double* ft_turns_0_f32
    const double* ft_turns_1_f32


cdef inline double mod4(double x) noexcept nogil:
    return x - 4.0 * rint_f64(x * 0.25)


cdef inline double reduce_f64(double x, double* low, unsigned long long* quadrant) noexcept nogil:
    """r + low = x - quadrant * pi/2 with |r| a little over pi/4 at most, relative error below 2^-100."""
    cdef unsigned long long row = (((bits_f64(x) >> 52) & 2047ULL) + 1ULL) >> 4
    cdef double y = x * 3.8725919148493183e-121 if abs_f64(x) >= 1.3407807929942597e+154 else x
    cdef double c0 = ft_turns_0_f64[row]
    cdef double c1 = ft_turns_1_f64[row]
    cdef double c2 = ft_turns_2_f64[row]
    cdef double c3 = ft_turns_3_f64[row]
    cdef double e0, e1, e2, a, b, n, f, s, t
    cdef double p0 = two_product_f64(y, c0, &e0)
    cdef double p1 = two_product_f64(y, c1, &e1)
    cdef double p2 = two_product_f64(y, c2, &e2)
    s = two_sum_f64(mod4(p0), mod4(e0), &a)
    s = two_sum_f64(s, mod4(p1), &b)
    n = rint_f64(s)
    f = s - n
    cdef double tail = 0.0
    f = two_sum_f64(f, a, &t)
    tail = tail + t
    f = two_sum_f64(f, b, &t)
    tail = tail + t
    f = two_sum_f64(f, p2, &t)
    tail = tail + t
    f = two_sum_f64(f, e1, &t)
    tail = tail + t + (e2 + y * c3)
    f = fast_two_sum_f64(f, tail, &tail)
    cdef double r = two_product_f64(f, 1.5707963267948966, &t)
    low[0] = t + (f * 6.123233995736766e-17 + tail * 1.5707963267948966)
    quadrant[0] = bits_f64(n + 6755399441055744.0)
    return r
