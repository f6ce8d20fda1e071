"""RaptorQ encoding as RFC 6330 states it, step by step: a second implementation to check the package's sidecars against.

Section numbers are those of the RFC. Symbols are rows of a numpy array of bytes; the constraint matrix is dense and solved by
plain elimination over GF(256), so this is slow and short.
"""
import base64

import numpy as np

# 5.5: the four tables of 256 random numbers, as bytes of little-endian words; their sums and xors are tested.
V = np.frombuffer(base64.b85decode(
    "0A~6Q&qR{zB){y)fYq7uhj(5Fi{ib<$r{<evpMH?(t#^3Mdde-Qf%Ejv1;gT{9BM2P<>3_n5)=cJN3@Czs7G>dV>lc4dy3#=&jDn=3hIfdT#5uvb6)_`y3mUrQa#-"
    "Emf)xI{|I)_)NMc^y;^DCOQY6!H|oL_=y@R#968;2B=A*bi!~8lfk>vu~}2YWfG-V24GC!AE>IpYei58)poP#BP5_M-X1O%bxV!159025HZ2Z|rxU&I`-2A!&zF+Rh7-"
    "&B=bTeBH5Me>2r%K9KzVG%BgmR4av@O?gw!AP4q*pH8udjgkriK}JGW>0@tI2d<MUMU1$wizQdP=vNdt8rdZ8&%^BA-TL+DJqGp{U}E&$B5cHh)uF5HeceOM=U6FbhaB5FmmK<9<cLNUQ8$=zcvZS-"
    "VQyz`iIgO1!}z>ksUaz)8h8su3csonl>)hm>ii|*ZC2KATik;qHz|LCHiYgNH>pD9ln!?a9LL~|IQ5@Z^Yn~!mqkUD=-8`#M8%3RS}p$%}Mk#%G~u>9wQG)mM;ab+j_o6N0RA=yr~zOD)xW9y;-"
    "2+6x1?oAcW+TI*~Ue6(-+Q>!0+`Q{D<Je;vzRqhCT*et|TYt)u+QiXyv7h!+kVQU8li_>m#rC@o8Aq9##b;8JKi$ax>`%%jiy#I^H`bQ5gG2<AYM#KCG*-"
    "kpIMG~q0TwWaEXuM)3A(z$p)@}1sRg2#Jc>^?sfbxE6;!{}Ar&m3$)my+G~3IYQn-?&&;8O?+Z(Mk{`h3XFFT}PCT3N3FCKY3ca>|R6H$t`eVMPhFug_y&7=DFYG4J%5-"
    "(DF2LAPhx_`LZZ`9&lsJmJ*Thejf)cW_!!L97bV@A;KeClZ+i*guBA~h!J^$TLA*c3$bm9OlF$!*Cr0Z_gq%rO$aW<<HA@5*_L7*hvGRWxP~z^lUKsv)j>T!WOqo;~fv#3X<;rE$zq{25vdaE3~dXu"
    "M<<2>EGXraB43<EoKq`Wa`b_*7wNhBdQPi5)#BuQibiwT3mp>|ad+!$AHKtKI7OqN2DFfkkY84Y-wAZa%i!YzsWz0)_kyiL>y7R7d}!hAvh^UpD-"
    "`bDC?ayOF}fJZY`t&5R4wtPbxQQ5C;uEnX(p3De_c>kPKspsAYDNx|7+@~W^3u-fB|Kp36s42-DTIF=y1)xL#pJ1vo_;yqWr;@H74&kn#7H{;zNG>B`n(GD!{>zXHoA!qL2-"
    "okXZ|Ga#9ITx$9oDnbRN5lg}z1^aXPf3%U<g7)QeOKxi0+<F@aJ_0M5qNq(*d!G=ECRk`cNm5rc4iZ1l$%)Cw;=XVMY$g^$I`}m<ig^{>5iODJIv6B>^naoE@^0F))zMx-"
    "K`tZmC<HtT#UI(9uy~=2`eXhTW<2_d16z5Q9?rX7K@BFo`lWc64$^fi31IPR$K&5W~5*ZhjLN!*rMUsm}41aN-T!Vk$Dnoo`L1IHF@Dw5G<KJwI*!wu^ZIHHQEswBLw-XssNM{7s7B4?W)u9P%`FSN"
    "q}zmI7gBO0U|lG71QkheDAQ(yJCDh=ZL}`cCXz>fug0dmHsOxm$`DazfS@kUg9F40g}0nt$IzC1KIilD+?Xv?96BSmO088NpdCuR}eFgp4nl41km(n#gdUCs6%vlDkIA>LHW|3ekp1`@La&L?$|*#$"
    "XJ>A;74AXx61iC2!KPxAKxt=^0j>m;MXv3D7hb;0-"
    "dTMwbBK5xnDmNw4|r<Knu0kJ}}sQQEoIrNSGNpKmaQ>cK3>IC+?|lH^l6e<Bye~qTb+gQF~!xcbN7H@$PxHMAJEY1hJ(JX8W_~DfJ*<yjUY@>z~k)H@;932ju?1rwXX$hA8=tD4fIJ4>%qlS}C~*I0"
    ">xu%r}v=kC|4}{({OAEh;uTN46}wgj`6qB0!ghG){znT@Y5m?V?P;oZS4{JzC$Oc6i;*8czgu9V0Z+!jqGXuwIKSM8&FfGN@}oKFTeT@mRX%Wl@!Im1?oA0HX-"
    "_|0?239Ma;#_!Vs1Y|oY$9j@m@3c=pviLaPHwJCbm(Ng(!hkEOK74$ks^)}@{3tzIK<8f5UH-ImK&>X@nR~sLiAVX07C-"
    "FLMKqL@H9tCbV;ELP<YkW1m@GOth=zis4($R@=oHSoEFs5I_o@7@31rj5=9nrWa#*1YpgS~$ZXMR``pC3y{KUzJ$Jz}XYrQzRS409oF+_sbQ;j32aW8;>V^KP{*0H6_muyx`6Y+@V6vCiTlO9Qyxq6"
    "<!In?Wh>?$jFqrtzu)-dLe{NSM<zq5!iQw?q{^`^<lCzeh#Ne(Q2s$a?v+Yx9Rt|8$qQ?AqY8_Is<BSFv764w7fcnJkG3<q}OD_Nfi-hNyJgOTODR$i=kMQPD<gRm~DENXcb2bN(=K^mdi`Ff$Sc%X"
    "<6`aiqGvj3gw!<;PPWIf=7OMja~~hjM9e665|hR^uG!f{y*mA39A`5a@e#rc{5n*h7IaH622zX1VkUWL#1}gKzQrtN=CEy7rVA{<AF>IzS9+Xa8%(q#rH}z-"
    "RXwF5B#;G`WJ_x7?jcgrhiVG>AIAE4@nKcuo+#y4G46Hj~l|Z3n#qC-m!1Hvspn2$gmy^Zz;HH8wB-{g%5zQrY*|7@b<v7Ij#C)(MlSXD`Rrz}9#61Un^RkT};6p7xQZ-Vc}^+EPEV8!-"
    "pBFBFQIBn}evf-Z8UVD2aLHT-"
    "=FkL==wFCTT@Ln`rto_6L<j7*&Pk%q(Y4VO>94J7HwJ<4|x$C)eI901&%%QE7Ybiv=!6T=uTjZ|&<%?65Va~Xlh&lF?NK0~SOVu!(S0^cN!Q&8K|3d8xZt_&>v58{<EvsL}B9L2m30}(U_JR8Bj7pg"
    "B6_0`^p=*L@KP-y9BrA;ycgmXpAu%qItb)=k(^Vhd{-U{4i?mcnGudiXC^bYd{DMdT|Qm|Eq274#Ncp;@Da{;Zy61prQz#F3V@9wLtWV6QCeSN+*&eyKNuCM@wUsSQ;`hx=69j8y40-"
    "<mYbB57oM%Bo8q`=7nd&@$rMx6kz`)F&un0H@tNof<7j}N?VBJ9S%S6h-CT-"
    "5Fh@k|1zIcuq4$LH7_^&vhPV7KSnO;ks2c<DsQde}J5I~gc4Z<*259KmuoiLpRk?ITf@YYAl|u!)UAu&&cEtvMUJ2pdgQTlObFg{g`j7-"
    "X0VIv`|aW2%3JCIht|cfIhgEK0@WlL`z{HyZk&4+Nn(PmUQrNh+%<0Zlpzp^V92P$ecwX5wPmWjuaVpR=3un75sU;Bfu<jtRz9E<-"
    "p0xBVdp5b$|;<}DGJ@|;*w`z>4Z{hP5J6F!j=T~u(@=j=4BM!SIsvZZlJHk%U22RA^meA%2=_)!99%}Zlc8>0LI?-#_n%MjM`Ly?c6e*f>F-"
    ")DZ365G6+OH>fyOsg)Fp{<yh5x)?$|IE~6SO<dpXw{cwRzR#g(bJ2GBp3P>q<O8w-AlC$afoO4s6IQ*)Dfhqyfex4lRc>Zlx`S<VU{c1D?O+kWZnJ{iJqA)&1;-"
    "Cck0i|?Mw)zNtdu@0#n$@y%7~1zX!Y2#AP1L)fW2<7YBTdW+L3d_A;gjN}_$B|94Q5>alc9-{zI|W>|uJ$<>iJGkE+}-crXnzVIp0-hbyT4sPu-"
    "v|)I3iuHD(9*jWoEbF?pksf4YY2E!VVDWTD91=hN7e74vAC)G_`lmw{630lA{jOS#p)8--2`ea^?woXDEybE#s&Oevn0WLlbH!HN(<~&I#nv31bemc=WRv&9K9#n(HfIAnYBW>f6NZb3l)ZccJU%pZ"
    "{dFRU`ijmyW9|iIIC)9{Mw!MN6ZzAm7A4QcshxaFDg>bEm$y>W#Ql_<%1JZdJ$)o)A%nreEJx_}6BCs-t%x(lG#J`U3&~@zJ0!0~=v+3(zA>XI4vf=K<-#hDkaKGW!*HhDliT1miE3Keg6&)~r@-"
    "WMJX=oYM=_+Y{pyf)wU)kR8-d6Hh$VW^Slj|fn^0yfOW9$UWow1M(oo&Q9Yc>tY_QUjzOeo*hPIe0EUQp;Z+k}ASO_OfmURPJ-JZ4;Xh4K|xX4232{x#%cOc6(b7FMt%dnGrCK^F0;RqZHk_@CVXmL"
    "L?9^ZOQ<l0Pz1!V=Zpl_#W#yok2;3bp(RU|rsJbl?MqQ7-Y)z=?Kme7r!9T!t3dh3p4MihObVUe2}Zj-"
    "b1QZdTlK*2r&0fl`FYpG7vm^Nc{5IW55dT;HvK3(Fh@Sq;?^P4!f^A2=nEQwzA0AU@~&01ogLy`Scg?6I99VbUs*z&2D?Cf1V<4K)vv&IYlVaSGVktji}4bfl2YT+oR2~{Je(i|DNC?lnlttpl)<DB"
    "0>^#}=I<+%wA45vijoeS34En;=!#vNwq0#C=7f9GaK#Pj(9r8DW>y7B7a<O6Qx*)3?WWCJ=DLlUw~JFYHsRs1#Ej_Xg7)r?`JFRL<t@jJAoV%I3XI#34SYh@+a!!FH2o%6+Db}!dbrzsSoYknQI_WP"
    "0>?J0u~#Axc=cp7DxDC$wGHkBupDiu%r4C(QomzzO>XGuuZ?o`qzszi<`I@TcGZCo$;iL1)SDDEdXO^~CZglN5b7F<F89^C%E5EkJLnFWtDj4_&q(9F(xj;RXZ4ZD5Uu@ZcLS<Z=2xdBA3VZ_bK0h)"
    "b%59#2G3*o^X_At21&JzfYmwS|#(tG`Ev`VeJ!=1I|kv>>ao75|VNVrm<@d)1yW{<G)*8)SI_Z@xGt*1&zZ*{vfkBjZzCF7uSq08~Wr(e;yuw0hGCd&&p{})2>G&0%li6&go4rS0qUlj$ZEp=&Og}A"
    "M`61RMagQ-D=;ki*bGeIjBMd3<f#?z#OJ=%4a^r6m_=)w1%%Cq!JW%rxP*Eepy-vIJq@o8`rMfn>w3r&%`R#MvGM6UHW*QJVX;)(2i48C}<a+cFcd+Bk54jWlxwpKWnUc~^&)*QWw=>h$_-"
    "`A?6mZgbDe?ZZ+cl*eRZ7z8}s7<~4rSRhV2efIO;Xw3!5#?g_d+%)6?S!TDM}N6)R63C2R(X;d@RlLAC)b2EX9>f=l5zo06??(4yGnpyn1>*u>VCmAOUJy=r4G=sG#>2dghrDfr5N2>!4{pJfWBCP9"
    "LWH&9)C(XqHcRYGnvml-"
    "e(HLJ*oSOWBmaoUJwuxss7UK7{w)BV0LrM8N0)JP;yYH<$*OQFr0jn99RDGFofliyqI5J{!dCJ_aRufMkkyUAzW@`!SQD_r25ay!wbAx$u_3qkPgXK$8H{RY1ap_oNs7SJwmbLhqXXHw>y3$yQdq+k"
    "i##4KBt4qI9dVK_*|6C"), dtype="<u4").reshape(4, 256)
# 5.6, the rows used here: K', J(K'), S(K'), H(K'), W(K')
SYSTEMATIC = ((10, 254, 7, 10, 17), (12, 630, 7, 10, 19), (18, 682, 11, 10, 29), (20, 293, 11, 10, 31), (26, 80, 11, 10, 37), (30, 566, 11, 10, 41), (32, 860, 11, 10, 43),
              (36, 267, 11, 10, 47), (42, 822, 11, 10, 53), (46, 506, 13, 10, 59), (48, 589, 13, 10, 61), (49, 87, 13, 10, 61), (55, 520, 13, 10, 67), (60, 159, 13, 10, 71),
              (511, 800, 37, 10, 523), (526, 923, 41, 10, 541))
# 5.3.5.2: f[d] for d = 1 to 30
DEGREES = (5243, 529531, 704294, 791675, 844104, 879057, 904023, 922747, 937311, 948962, 958494, 966438, 973160, 978921, 983914, 988283, 992138, 995565, 998631,
           1001391, 1003887, 1006157, 1008229, 1010129, 1011876, 1013490, 1014983, 1016370, 1017662, 1048576)


def _field():
    """5.7: powers and logarithms of alpha = 2 in GF(256), x^8 + x^4 + x^3 + x^2 + 1."""
    powers, logs, value = np.zeros(510, np.uint8), np.zeros(256, np.int64), 1
    for k in range(255):
        powers[k] = powers[k + 255] = value
        logs[value] = k
        value = value << 1 ^ (0x11D if value & 128 else 0)
    return powers, logs


POWERS, LOGS = _field()


def times(row, factor):
    """A row of bytes times one element of the field."""
    if factor == 0:
        return np.zeros_like(row)
    return np.where(row == 0, 0, POWERS[LOGS[row] + LOGS[factor]]).astype(np.uint8)


def rand(y, i, m):
    """5.3.5.1"""
    return int(V[0][(y + i) % 256] ^ V[1][((y >> 8) + i) % 256] ^ V[2][((y >> 16) + i) % 256] ^ V[3][((y >> 24) + i) % 256]) % m


class Parameters:
    """5.3.3.3 for a block of `count` source symbols."""

    def __init__(self, count):
        self.k, self.j, self.s, self.h, self.w = next(row for row in SYSTEMATIC if row[0] >= count)
        if count > 60 and self.k == 511 and count < 505:
            raise ValueError("no row of table 2 for this count is written here")
        self.l = self.k + self.s + self.h
        self.p = self.l - self.w
        self.b = self.w - self.s
        self.p1 = next(n for n in range(self.p, 2 * self.p + 2) if n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1)))

    def columns(self, x):
        """5.3.5.4 and 5.3.5.3: which intermediate symbols make the encoding symbol with internal ID `x`."""
        factor = 53591 + self.j * 997
        factor += 1 - factor % 2
        y = (10267 * (self.j + 1) + x * factor) % (1 << 32)
        v = rand(y, 0, 1 << 20)
        d = min(next(at + 1 for at, bound in enumerate(DEGREES) if v < bound), self.w - 2)
        a, b = 1 + rand(y, 1, self.w - 1), rand(y, 2, self.w)
        d1 = 2 + rand(x, 3, 2) if d < 4 else 2
        a1, b1 = 1 + rand(x, 4, self.p1 - 1), rand(x, 5, self.p1)
        found = [(b + at * a) % self.w for at in range(d)]
        for at in range(d1):
            b1 = (b1 + a1) % self.p1 if at else b1
            while b1 >= self.p:
                b1 = (b1 + a1) % self.p1
            found.append(self.w + b1)
        return found

    def matrix(self):
        """5.3.3.4.2: LDPC rows, HDPC rows, then one row per source symbol."""
        a = np.zeros((self.l, self.l), np.uint8)
        for i in range(self.b):
            step, row = 1 + i // self.s, i % self.s
            for _ in range(3):
                a[row, i] ^= 1
                row = (row + step) % self.s
        for i in range(self.s):
            a[i, self.b + i] ^= 1
            a[i, self.w + i % self.p] ^= 1
            a[i, self.w + (i + 1) % self.p] ^= 1
        a[self.s:self.s + self.h] = self.hdpc()
        for x in range(self.k):
            for column in self.columns(x):
                a[self.s + self.h + x, column] ^= 1
        return a

    def hdpc(self):
        """5.3.3.3: MT times GAMMA, and the identity."""
        n = self.k + self.s
        mt = np.zeros((self.h, n), np.uint8)
        for j in range(n - 1):
            first = rand(j + 1, 6, self.h)
            mt[first, j] = mt[(first + rand(j + 1, 7, self.h - 1) + 1) % self.h, j] = 1
        mt[:, n - 1] = POWERS[:self.h]
        rows = np.zeros((self.h, self.l), np.uint8)
        rows[:, n - 1] = mt[:, n - 1]
        for j in range(n - 2, -1, -1):  # column j of GAMMA is alpha times column j + 1, and a one at j
            rows[:, j] = times(rows[:, j + 1], 2) ^ mt[:, j]
        rows[:, n:] = np.eye(self.h, dtype=np.uint8)
        return rows


def solve(a, d):
    """C with A C = D, by elimination; D is changed."""
    n = len(a)
    for at in range(n):
        pivot = at + int(np.flatnonzero(a[at:, at])[0])
        a[[at, pivot]], d[[at, pivot]] = a[[pivot, at]], d[[pivot, at]]
        inverse = POWERS[255 - LOGS[a[at, at]]]
        a[at], d[at] = times(a[at], inverse), times(d[at], inverse)
        for row in np.flatnonzero(a[:, at]):
            if row != at:
                factor = a[row, at]
                a[row] ^= times(a[at], factor)
                d[row] ^= times(d[at], factor)
    return d


def repair_symbols(source, count):
    """The first `count` repair symbols of a block.

    Parameters
    ----------
    source : uint8 array, shape (K, symbol length)
    """
    k, size = source.shape
    found = Parameters(k)
    d = np.zeros((found.l, size), np.uint8)
    d[found.s + found.h:found.s + found.h + k] = source
    c = solve(found.matrix(), d)
    return [np.bitwise_xor.reduce(c[found.columns(x)], axis=0) for x in range(found.k, found.k + count)]
